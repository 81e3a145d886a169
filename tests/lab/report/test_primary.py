"""Which comparisons carry a p, over which seeds, and what is said of their number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asgml.lab import report, statistics
from asgml.lab.report import primary
from asgml.lab.report.model import Study
from asgml.lab.report.sections import performance
from asgml.lab.report.sections import primary as section
from lab.report import logs
from lab.report.test_sections import words

PAIR = {"audio": [0.5], "visual": [0.3]}
NAMED: list[dict[str, Any]] = [{"method": "good", "against": "baseline", "dataset": None}, {"method": "bad", "against": "good"}]


def study(**accuracies: Mapping[int, float]) -> Study:
    found = {m: dict.fromkeys(scores, PAIR) for m, scores in accuracies.items()}
    return logs.study(found, {m: {s: [x] for s, x in scores.items()} for m, scores in accuracies.items()})


BASE = dict.fromkeys(range(8), 0.5)
GOOD = {seed: 0.52 + seed / 100 for seed in range(8)}
BAD = {seed: 0.5 + (-1) ** seed / 100 for seed in range(8)}


def test_p_is_the_exact_tests_and_holm_is_over_all_that_were_named() -> None:
    good, bad = primary.tests(NAMED, [(None, study(baseline=BASE, good=GOOD, bad=BAD))])
    assert good.p == 2 / 2**8
    assert bad.p == statistics.sign_flip([BAD[s] - GOOD[s] for s in range(8)])
    assert [good.adjusted, bad.adjusted] == statistics.holm([good.p, bad.p])
    assert good.difference is not None
    assert good.difference.mean == pytest.approx(0.055)
    assert (good.n, bad.against) == (8, "good")


def test_over_several_data_sets_it_is_their_mean_for_the_seeds_that_all_have() -> None:
    first, second = study(baseline=BASE, good=GOOD), study(baseline=BASE, good={1: 0.4, 2: 0.4, 11: 1.0})
    found = primary.differences(NAMED[0], [("a", first), ("b", second)])
    assert found == {s: pytest.approx((GOOD[s] - 0.5 - 0.1) / 2) for s in (1, 2)}
    one = primary.differences(NAMED[0] | {"dataset": "b"}, [("a", first), ("b", second)])
    assert one == {1: pytest.approx(-0.1), 2: pytest.approx(-0.1)}


def test_without_a_pair_there_is_no_p_and_the_family_is_as_large() -> None:
    good, bad = primary.tests(NAMED, [(None, study(baseline=BASE, good=GOOD))])
    assert (bad.difference, bad.p, bad.adjusted, bad.n) == (None, None, None, 0)
    assert good.adjusted == 2 * 2 / 2**8
    assert "A comparison without a pair shows nothing, and still counts" in section.power([good, bad])
    assert primary.summary([bad])[0] == {
        "method": "bad", "against": "good", "dataset": None, "n": 0, "difference": None, "interval": None, "p": None,
        "p_holm": None,
    }  # fmt: skip


NOTHING = "so nothing here can be significant at 0.05: that takes"


@pytest.mark.parametrize(
    ("seeds", "family", "expected"),
    [
        (3, 1, f"smallest possible p is 0.25, after Holm over 1 it is 0.25, {NOTHING} 6 seeds."),
        (6, 2, f"smallest possible p is 0.0312, after Holm over 2 it is 0.0625, {NOTHING} 7 seeds."),
        (10, 4, "With n = 10 the smallest possible p is 0.00195, after Holm over 4 it is 0.00781."),
    ],
)
def test_it_says_what_n_can_show(seeds: int, family: int, expected: str) -> None:
    one = primary.Tested("a", "b", None, statistics.estimate([0.1] * seeds), 1.0, 1.0)
    assert expected in section.power([one] * family)


def test_p_stands_in_the_primary_table_alone() -> None:
    found = replace(study(baseline=BASE, good=GOOD, bad=BAD), settings={"primary": NAMED[:1]})
    said = words(performance.blocks(found))
    assert "good | baseline | all, the mean | +5.50 points | " in said
    assert " | 8 | 0.00781 | 0.00781" in said
    exploratory = said[said.index("(exploratory)") :]
    assert "Exploratory: these differences were not named beforehand, and carry no p." in exploratory
    assert "0.00781 |" not in exploratory
    assert "Primary comparisons" not in words(performance.blocks(study(baseline=BASE, good=GOOD)))


def test_the_summary_has_it(tmp_path: Path) -> None:
    logs.write_experiment(tmp_path, {"baseline": [], "good": []}, [0, 1], primary=NAMED[:1])
    for seed, method in ((s, m) for s in (0, 1) for m in ("baseline", "good")):
        logs.write_cell(tmp_path, method, seed, logs.records(PAIR, [0.5 + 0.1 * (method == "good")]))
    report.write(tmp_path)
    (found,) = json.loads((tmp_path / "summary.json").read_text())["primary"]
    assert (found["n"], found["difference"], found["p"]) == (2, pytest.approx(0.1), 0.5)
    assert found["interval"] == pytest.approx([0.1, 0.1])
