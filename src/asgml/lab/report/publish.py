"""Writes one analysis: the same study as `analysis.md`, `report.html` and `summary.json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asgml.lab import store
from asgml.lab.report import markdown, page, sections, summary
from asgml.lab.report.document import Document
from asgml.lab.report.model import Study


def one(study: Study, to: Path, epochs: Sequence[int] | None) -> dict[str, Any]:
    """Write a study's three files; return what `summary.json` holds."""
    found = summary.summarise(study)
    files(sections.compose(study, epochs), found, to, ("analysis.md", "report.html", "summary.json"))
    return found


def files(document: Document, found: dict[str, Any], to: Path, names: tuple[str, str, str]) -> None:
    """Render, then write: Markdown, HTML, JSON."""
    text, html, plain = names
    written = {text: markdown.render(document).encode(), html: page.render(document).encode(), plain: store.json_bytes(found)}
    to.mkdir(parents=True, exist_ok=True)
    store.write_together({to / name: content for name, content in written.items()})
