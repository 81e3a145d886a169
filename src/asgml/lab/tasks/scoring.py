"""The numbers of every task by name and unit. Reports and the command line read them here, free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a split. A share is at most 1 and printed in percent; a number is in the labels' own unit."""

    key: str
    name: str
    """In a sentence."""
    unit: Literal["share", "number"] = "share"
    lower: bool = False
    """Whether less is better."""

    @property
    def title(self) -> str:
        """At the start of a heading."""
        return self.name[:1].upper() + self.name[1:]


@dataclass(frozen=True, slots=True)
class Scoring:
    """A task's metrics. The first is its score: it chooses the epoch, steers tuning, and is what probes are scored by.

    A score is a share, and more is better, so that gaps and differences of it are in percentage points for every task.
    """

    task: str
    metrics: tuple[Metric, ...]
    loss: str
    """The loss in words."""
    probe: str
    """The linear probes in words."""

    @property
    def score(self) -> Metric:
        """The one number."""
        return self.metrics[0]

    @property
    def short(self) -> str:
        """The score in the names of probe series: `probe_acc`, `probe_map`, `probe_r2`."""
        return "acc" if self.score.key == "accuracy" else self.score.key


MOST = 1e100
"""No score is so far from 0."""
MACRO_F1 = Metric("f1_macro", "macro F1")
SCORINGS: dict[str, Scoring] = {
    "classification": Scoring(
        "classification",
        (Metric("accuracy", "accuracy"), MACRO_F1, Metric("ece", "ECE", lower=True)),
        "cross-entropy",
        "multinomial logistic regression",
    ),
    "multilabel": Scoring(
        "multilabel",
        (Metric("map", "mAP"), Metric("auroc", "AUROC")),
        "mean binary cross-entropy",
        "one logistic regression per label",
    ),
    "regression": Scoring(
        "regression",
        (
            Metric("r2", "R²"),
            Metric("mae", "MAE (labels' unit)", "number", lower=True),
            Metric("pearson", "Pearson correlation", "number"),
            Metric("acc2_has0", "Acc-2 (negative / not)"),
            Metric("acc2_non0", "Acc-2 (negative / positive)"),
            Metric("acc7", "Acc-7"),
        ),
        "mean squared error",
        "ridge regression",
    ),
}
CLASSIFICATION = SCORINGS["classification"]


def of(header: Mapping[str, Any]) -> Scoring:
    """The scoring of a run by its header; logs that name no task are of classification."""
    return SCORINGS.get(header.get("task", ""), CLASSIFICATION)


def validation_score(record: Mapping[str, Any]) -> float | None:
    """The number that chose an epoch, as a record names it: `validation_accuracy`, `validation_map`, `validation_r2`.

    None where it names none, or one that is no finite number.
    """
    key = validation_key(record)
    value = None if key is None else record[key]
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST:
        return float(value)
    return None


def validation_key(record: Mapping[str, Any]) -> str | None:
    """The key under which it stands."""
    return next((key for s in SCORINGS.values() if (key := f"validation_{s.score.key}") in record), None)
