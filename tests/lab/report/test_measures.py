from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgml.lab.report import measures
from asgml.lab.report.model import Method, Run, Series, finite, unique
from lab.report import logs

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def run(seed: int = 0, best_epoch: int | None = None, **series: Series) -> Run:
    tags = {tag.replace("__", "/"): s for tag, s in series.items()}
    modalities = tuple(tag.removeprefix("test/probe_acc_") for tag in tags if tag.startswith("test/probe_acc_"))
    return Run(seed, "memory", tags, modalities, best_epoch)


def probes(**curves: list[float]) -> Run:
    return run(**{f"test__probe_acc_{m}": logs.points(c) for m, c in curves.items()})


@given(SHARES)
def test_reductions_are_what_their_names_say(values: list[float]) -> None:
    one = probes(audio=values)
    assert measures.probe("audio", "min")(one) == min(values)
    assert measures.probe("audio", "max")(one) == max(values)
    assert measures.probe("audio", "final")(one) == values[-1]
    assert measures.probe("audio", "avg")(one) == pytest.approx(math.fsum(values) / len(values))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8))
def test_the_gap_is_largest_minus_smallest_whatever_the_order(rows: list[tuple[float, float, float]]) -> None:
    a, b, c = (list(column) for column in zip(*rows, strict=True))
    found = measures.gap_series(probes(a=a, b=b, c=c))
    turned = measures.gap_series(probes(c=c, a=a, b=b))
    assert found == turned
    assert found is not None
    assert found.values == tuple(max(row) - min(row) for row in rows)


@pytest.mark.parametrize(("n", "kept"), [(1, 1), (3, 1), (4, 1), (5, 2), (8, 2), (9, 3), (100, 25), (101, 26)])
def test_the_last_quarter_is_rounded_up(n: int, kept: int) -> None:
    found = measures.late("train/grad_norm_audio")(
        run(train__grad_norm_audio=Series(tuple(range(n)), (0.0,) * (n - kept) + (1.0,) * kept))
    )
    assert found == 1.0
    more = measures.late("x")(run(x=Series(tuple(range(n)), (1.0,) * (n - kept) + (0.0,) * kept)))
    assert more == 0.0


def test_what_was_not_logged_is_none() -> None:
    one = probes(audio=[0.5])
    for measure in (measures.probe("visual", "avg"), measures.gap("avg"), measures.late("x"), measures.chosen("x"),
                    measures.over_epochs("x", "final"), measures.signed_gap):  # fmt: skip
        assert measure(one) is None


@pytest.mark.parametrize(("best", "expected"), [(1, 0.1), (2, 0.3), (3, 0.2), (None, 0.2), (9, None)])
def test_the_chosen_epoch(best: int | None, expected: float | None) -> None:
    one = run(best_epoch=best, test__accuracy=logs.points([0.1, 0.3, 0.2]))
    assert measures.chosen("test/accuracy")(one) == expected


def test_epochs_that_one_modality_lacks_have_no_gap() -> None:
    one = run(test__probe_acc_a=Series((1, 2, 4), (0.1, 0.2, 0.4)), test__probe_acc_b=Series((2, 3, 4), (0.5, 0.5, 0.5)))
    found = measures.gap_series(one)
    assert found is not None
    assert found.steps == (2, 4)
    assert found.values == pytest.approx((0.3, 0.1))


def test_modalities_without_a_shared_epoch_have_no_gap() -> None:
    assert measures.gap_series(run(test__probe_acc_a=Series((1,), (0.1,)), test__probe_acc_b=Series((2,), (0.5,)))) is None


def test_the_signed_gap_keeps_the_sign_that_the_gap_loses() -> None:
    one = probes(audio=[0.5, 0.2], visual=[0.3, 0.6])
    assert measures.signed_gap(one) == pytest.approx(-0.1)
    assert measures.gap("avg")(one) == pytest.approx(0.3)
    assert measures.signed_gap(probes(a=[0.1], b=[0.2], c=[0.3])) is None


def test_leaders() -> None:
    method = Method(
        "m", (probes(audio=[0.5, 0.2], visual=[0.3, 0.3]), replace(probes(audio=[0.5, 0.5], visual=[0.1, 0.1]), seed=1))
    )
    assert measures.ranked(method) == ("audio", "visual")
    assert measures.lead_share(method, "audio") == 0.75
    assert measures.lead_share(method, "visual") == 0.25
    assert measures.lead_share(Method("solo", (probes(audio=[0.5]),)), "audio") is None


def test_a_tie_keeps_the_data_sets_order() -> None:
    assert measures.ranked(Method("m", (probes(visual=[0.5], audio=[0.5]),))) == ("visual", "audio")


def test_change_is_paired_by_seed_not_by_place() -> None:
    base = Method("b", tuple(replace(probes(a=[x]), seed=s) for s, x in ((0, 0.1), (1, 0.9))))
    other = Method("o", tuple(replace(probes(a=[x]), seed=s) for s, x in ((1, 0.8), (0, 0.0))))
    found = measures.change(other, base, measures.probe("a", "avg"))
    assert found is not None
    assert (found.mean, found.n, found.sd) == (pytest.approx(-0.1), 2, pytest.approx(0.0, abs=1e-12))


def test_at_epoch_takes_the_seeds_that_logged_it() -> None:
    method = Method("m", (probes(a=[0.1, 0.3]), replace(probes(a=[0.2]), seed=1)))
    first, second, third = (measures.at_epoch(method, measures.probe_of("a"), epoch) for epoch in (1, 2, 3))
    assert first is not None
    assert second is not None
    assert (first.n, second.n, third) == (2, 1, None)
    assert measures.epochs(method) == (1, 2)


@pytest.mark.parametrize(("sizes", "known"), [({"test": 400}, True), ({"train": 400}, False), ({}, False)])
def test_the_noise_floor_needs_the_number_of_test_samples(sizes: dict[str, int], known: bool) -> None:
    study = logs.study({"m": {0: {"a": [0.4], "b": [0.2]}}}, sizes=sizes)
    found = measures.floor(study, study.methods[0])
    assert (found is not None) is known
    if found is not None:
        assert found[1] == pytest.approx(1.96 * math.sqrt(2 * 0.3 * 0.7 / 400))


@given(st.dictionaries(st.integers(0, 50), st.floats(allow_nan=True, allow_infinity=True) | st.none(), max_size=10))
def test_finite_keeps_order_and_counts_what_it_drops(points: dict[int, float | None]) -> None:
    series, notes = finite({"tag": points})
    kept = {step: v for step, v in points.items() if v is not None and math.isfinite(v)}
    assert ("tag" in series) is bool(kept)
    if kept:
        assert series["tag"].steps == tuple(sorted(kept))
        assert series["tag"].values == tuple(kept[s] for s in sorted(kept))
    lost = len(points) - len(kept)
    assert notes == ((f"{lost} of {len(points)} values of tag are not finite and were left out",) if lost else ())


def test_series_by_step() -> None:
    series = Series.of({3: 0.3, 1: 0.1})
    assert (series.steps, series.at(3), series.at(2)) == ((1, 3), 0.3, None)


def test_unique_keeps_the_first() -> None:
    assert unique("banana") == ("b", "a", "n")


def test_who_is_solo_and_who_is_joint() -> None:
    study = logs.study({"baseline": {0: {"a": [0.1], "b": [0.2]}}, "alone": {0: {"b": [0.1]}}, "empty": {}})
    assert [m.name for m in study.joint] == ["baseline"]
    assert [study.solo(m) for m in study.methods] == [None, "b", None]
    assert study.baseline is study.methods[0]


def test_a_data_set_of_one_modality_has_no_solo_methods() -> None:
    study = logs.study({"baseline": {0: {"a": [0.1]}}})
    assert study.solo(study.methods[0]) is None
    assert study.joint == study.methods


def test_a_baseline_without_a_finished_run_is_none() -> None:
    assert logs.study({"baseline": {}, "m": {0: {"a": [0.1]}}}).baseline is None
