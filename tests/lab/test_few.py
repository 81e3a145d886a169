"""Runs that make few updates are said to, before and after."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asgml.lab import few
from asgml.lab.report import records
from asgml.lab.report.sections import attention
from lab.report import logs


@pytest.mark.parametrize(
    ("samples", "size", "epochs", "updates"), [(100, 64, 15, 30), (64, 64, 99, 99), (6400, 64, 1, None), (65, 64, 50, None)]
)
def test_updates_are_batches_times_epochs(samples: int, size: int, epochs: int, updates: int | None) -> None:
    said = few.planned(samples, size, epochs)
    assert (said is None) is (updates is None)
    assert said is None or f"are {updates} updates: too few" in said


@pytest.mark.parametrize(("steps", "said"), [(2, True), (50, False)])
def test_the_head_of_a_report_says_it(steps: int, said: bool) -> None:
    study = logs.study({"baseline": {0: {"audio": [0.5, 0.6], "visual": [0.4, 0.5]}}})
    (method,) = study.methods
    runs = [replace(run, series={**run.series, records.STEPS: logs.points([steps, steps])}) for run in method.runs]
    study = replace(study, methods=(replace(method, runs=tuple(runs)),))
    assert any("No run made more than 4 updates" in str(block) for block in attention.blocks(study)) is said
