"""Part of section 9: the versions that the cells ran with, and whether all ran with the same."""

from __future__ import annotations

from asgml.lab.report.document import Block, Heading, Mono, Table, Text, listed
from asgml.lab.report.model import Study, unique

TITLE = "Environment"


def blocks(study: Study) -> list[Block]:
    """A heading of level 3 and a row per package; nothing where the logs name no version."""
    rows: list[tuple[Text, ...]] = [(Mono(name), listed(found)) for name, found in _versions(study).items()]
    return [Heading(TITLE, 3), Table(("Package", "Version"), tuple(rows), labels=2)] if rows else []


def warnings(study: Study) -> list[Text]:
    """A sentence where cells ran with different versions: then a difference between methods may be one between versions."""
    mixed = [f"{name} {listed(found)}" for name, found in _versions(study).items() if len(found) > 1]
    return [f"Cells ran with different versions ({'; '.join(mixed)})."] if mixed else []


def _versions(study: Study) -> dict[str, tuple[str, ...]]:
    headers = [run.header.get("versions") or {} for run in study.runs]
    return {name: unique(str(h[name]) for h in headers if name in h) for name in unique(n for h in headers for n in h)}
