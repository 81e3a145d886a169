from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from asgml.lab import store
from asgml.lab.report import records
from lab.report import logs

PROBES = {"audio": [0.5, 0.6], "visual": [0.3, 0.4]}


def lines() -> list[dict[str, Any]]:
    found = logs.records(PROBES, [0.5, 0.6], norms={"audio": 0.1, "visual": 0.2}, skip="audio")
    steps = [line for line in found if line["kind"] == "step"]
    steps[1]["applied"] = {"scale": {"audio": 0.25, "visual": 0.5}}
    steps[3]["applied"] = {"scale": {"visual": 0.125}, "delay": {"audio": 2}}
    return found


def test_columns_hold_what_the_store_names_one_by_one() -> None:
    steps = [line for line in lines() if line["kind"] == "step"]
    expected = {
        (tag, s["step"], v) for s in steps for tag, v in store.tags(s).items() if tag not in ("train/lr", "train/batch_loss")
    }
    found = {(tag, at, v) for tag, steps_, values in records.of_updates(steps) for at, v in zip(steps_, values, strict=True)}
    assert found == expected
    assert ("train/applied_delay_audio", 3, 2) in found


def test_blocks_of_any_size_hold_the_same_lines(tmp_path: Path) -> None:
    cell = logs.write_cell(tmp_path, "m", 0, lines())
    whole = [json.loads(line) for line in (cell / "metrics.jsonl").read_text().splitlines()]
    for size in (1, 300, 1 << 20):
        assert [r for block in store.blocks(cell, size) for r in block] == whole


def test_every_digit_is_read(tmp_path: Path) -> None:
    values = [random.Random(n).uniform(0, 1) * 10 ** (n % 30 - 15) for n in range(300)]
    found = [{"kind": "step", "step": n, "x": v} for n, v in enumerate(values)]
    cell = logs.write_cell(tmp_path, "m", 0, found)
    assert [r["x"] for r in store.records(cell)] == values


def test_updates_logged_twice_or_out_of_order_count_once_the_last(tmp_path: Path) -> None:
    found = lines()
    steps = [line for line in found if line["kind"] == "step"]
    again = [{**steps[0], "total_norm": 99.0}]
    series = records.read(logs.write_cell(tmp_path, "m", 0, [*found, *again]))[1]["train/total_norm"]
    assert series.steps == tuple(range(8))
    assert series.values[0] == 99.0


def test_the_search_for_cycles_goes_on_after_a_broken_log(tmp_path: Path) -> None:
    import gc

    cell = logs.write_cell(tmp_path, "m", 0, [])
    (cell / "metrics.jsonl").write_text("rubbish\n")
    with pytest.raises(ValueError, match="expected"):
        records.read(cell)
    assert gc.isenabled()
