"""Section 1: data, sizes, seeds, training, what each method is, versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgml.lab.report import entries, words
from asgml.lab.report.document import Block, Heading, Listing, Mono, Paragraph, Table, Text, listed
from asgml.lab.report.model import Method, Study
from asgml.lab.report.sections import tuning
from asgml.lab.report.sections.common import name
from asgml.lab.report.summary import dataset_name
from asgml.lab.tasks.scoring import Scoring

TITLE = "Overview"


def blocks(study: Study) -> list[Block]:
    """The section."""
    seeds = sorted({run.seed for run in study.runs} | {cell.seed for m in study.methods for cell in m.failed})
    lines: list[Text] = [*_data(study), f"Seeds: {listed(map(str, seeds))} (n is printed with every mean)."]
    found: list[Block] = [Heading(TITLE), _purpose(study), Listing((*lines, *_training(study)))]
    found += [Heading("Methods", 3), Listing(tuple(_method(study, m) for m in study.methods))]
    return [*found, *tuning.blocks(study), *_settings(study)]


def _purpose(study: Study) -> Paragraph:
    scoring = study.scoring
    what, scores = ("class", "accuracies") if scoring.task == "classification" else ("label", f"scores ({scoring.score.name})")
    return Paragraph(
        f"How much each modality's features tell about the {what}, epoch by epoch: a linear probe is fitted offline to every "
        "encoder's "
        f"features and scored on the test set. The utilization gap is the largest minus the smallest of these {scores} at "
        "one epoch. "
        "Shares are in percent, gaps and differences in percentage points."
    )


def _data(study: Study) -> list[Text]:
    header, dataset = study.header, dataset_name(study)
    found: list[Text] = [("Data set: ", Mono(dataset), ".") if dataset else "Data set: not named by event files."]
    if header.get("note"):
        found.append(f"Split and pairing: {header['note']}")
    if sizes := header.get("sizes"):
        found.append(f"Samples: {listed(f'{n:,} {split}' for split, n in sizes.items())}.")
    if study.scoring.task != "classification":
        found.append(_task(study.scoring))
    found += _lacking(header.get("present", {}), header.get("sizes", {}))
    if classes := header.get("classes"):
        what = "Classes" if study.scoring.task == "classification" else "Labels"
        found.append(f"{what} ({len(classes)}): {', '.join(map(str, classes))}.")
    if study.modalities:
        found.append(f"Modalities, in the data set's order: {listed(study.modalities)}.")
    return found


def _task(scoring: Scoring) -> str:
    shares, numbers = (listed(m.name for m in scoring.metrics if m.unit == unit) for unit in ("share", "number"))
    units = f"{shares} are shares of 1, printed in percent" + (f"; {numbers}: plain numbers" if numbers != "none" else "")
    return (f"Task: {scoring.task}. Loss: {scoring.loss}. Probe: {scoring.probe}. Score: {scoring.score.name}, which chooses "
            f"the epoch. {units}.")  # fmt: skip


def _lacking(present: Mapping[str, Any], sizes: Mapping[str, int]) -> list[Text]:
    """Who lacks what, where some do."""
    said = [f"{n:,} of {sizes[split]:,} {split} samples have {m}" for split, of in present.items() for m, n in of.items()]
    rule = ("An encoder does not see a sample that lacks its modality: the fusion gets a feature of zeros, and the modality's "
            "probe and own loss are over the samples that have it. A model of it alone has these samples alone.")  # fmt: skip
    return [f"Missing modalities: {listed(said)}. {rule}"] if said else []


def _training(study: Study) -> list[Text]:
    gamma = ((study.settings or {}).get("train") or {}).get("unimodal_loss")
    found: list[Text] = [] if gamma is None else [f"Loss: {_named(gamma_words(float(gamma)), study.scoring)}"]
    if study.header.get("parameters"):
        found.append(f"Parameters of the joint model: {_parameters(study)}.")
    if versions := study.header.get("versions"):
        found.append(f"Versions: {', '.join(f'{k} {v}' for k, v in versions.items())}.")
    return found


def _parameters(study: Study) -> str:
    counts = {run.header["parameters"] for m in study.joint for run in m.runs if run.header.get("parameters")}
    return listed(f"{n:,}" for n in sorted(counts)) if counts else words.NONE


def _named(said: str, scoring: Scoring) -> str:
    return said.replace("cross-entropy", scoring.loss)


def gamma_words(gamma: float) -> str:
    """`train.unimodal_loss` in words."""
    if gamma == 0:
        return "plain joint training, the cross-entropy of the fused prediction alone (gamma = 0)."
    heads = "the sum of those of one own linear head per modality"
    return f"the cross-entropy of the fused prediction plus gamma = {gamma:g} times {heads}."


def _method(study: Study, method: Method) -> Text:
    title = name(method)
    parts = [describe(entry) for entry in method.entries]
    if not parts:
        parts = ["plain joint training with nothing added" if study.settings else "as logged; event files hold no settings"]
    return (*(title if isinstance(title, tuple) else (title,)), f": {'; then '.join(parts)}.")


def describe(entry: Mapping[str, Any]) -> str:
    """What an entry of a method does, in words."""
    if method := entries.read(entry):
        return method.in_words()
    rest = ", ".join(f"{k} = {v}" for k, v in entry.items() if k not in ("kind", "import", "import_"))
    return f"{entry.get('import', entry.get('import_', entry.get('kind', 'entry')))}{f' with {rest}' if rest else ''}"


def _settings(study: Study) -> list[Block]:
    settings = study.settings or {}
    tuning = study.tuning or {}
    tuned = tuning.get("over") or tuning.get("space", {})
    rows = [(Mono(at := f"{part}.{key}"), "tuned for each method" if at in tuned else _value(value))
            for part in ("dataset", "model", "train")
            for key, value in (settings.get(part) or {}).items()]  # fmt: skip
    if not rows:
        return []
    return [Heading("Settings", 3), Table(("Setting", "Value"), tuple(rows), words=frozenset({"Value"}))]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {v}" for k, v in value.items()) or "none"
    return "not set" if value is None else str(value)
