"""Each section by itself: what it says, and what it says where the logs hold nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from asgml.lab.report import document as d
from asgml.lab.report.facts import Change, Facts
from asgml.lab.report.model import Failure, Method, Series, Study
from asgml.lab.report.records import MEMORY, SAMPLES, SECONDS, STEPS
from asgml.lab.report.sections import (
    attention,
    common,
    compose,
    dynamics,
    gaps,
    gradients,
    overview,
    performance,
    sources,
    trajectories,
)
from asgml.lab.statistics import Interval
from lab.report import logs

PAIR = {"audio": [0.5, 0.6], "visual": [0.3, 0.4]}
LOWER = {"audio": [0.4, 0.5], "visual": [0.3, 0.4]}


def words(found: Iterable[d.Block | d.Text]) -> str:
    return "\n".join(_words(block) for block in found)


def _words(block: d.Block | d.Text) -> str:
    match block:
        case d.Heading(text) | d.Code(text):
            return text
        case d.Paragraph(text):
            return _text(text)
        case d.Listing(items):
            return "\n".join(map(_text, items))
        case d.Table():
            return "\n".join(" | ".join(map(_text, row)) for row in (block.columns, *block.rows))
        case d.Figure():
            return f"{block.caption} {block.alt}"
    return _text(block)


def _text(text: d.Text) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in d.inlines(text))


def with_series(study: Study, **series: Series) -> Study:
    tags = {tag.replace("__", "/"): s for tag, s in series.items()}
    methods = (replace(m, runs=tuple(replace(r, series={**r.series, **tags}) for r in m.runs)) for m in study.methods)
    return replace(study, methods=tuple(methods))


@pytest.fixture
def study() -> Study:
    return logs.study({"baseline": {0: PAIR, 1: PAIR}, "m": {0: LOWER, 1: LOWER}})


def test_every_section_can_be_written_from_probes_alone(study: Study) -> None:
    document = compose(study)
    assert [b.text for b in document.blocks if isinstance(b, d.Heading) and b.level == 2][0::9] == ["Overview", "Data sources"]
    assert document.subtitle == "2 methods, 4 finished runs, read from memory"
    assert compose(logs.study({"m": {0: PAIR}})).subtitle == "1 method, 1 finished run, read from memory"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"kind": "frequency", "modality": "a", "k": 4}, "one of every 4 updates of the encoder of a is skipped (25.00%)"),
        ({"kind": "frequency", "modality": "a", "k": 4, "rule": "every"}, "updated once every 4 updates (skips 75.00%)"),
        (
            {"kind": "staleness", "modality": "a", "tau": 3, "warmup": "fresh"},
            "(warmup fresh, damping 0.0)",
        ),
        ({"kind": "alone", "modality": "a"}, "control, a model of a only, trained the same way"),
        ({"kind": "import", "import": "pkg.mod:f", "x": 1}, "pkg.mod:f with x = 1"),
        ({"kind": "import", "import": "pkg.mod:f"}, "pkg.mod:f"),
        ({"kind": "novel", "strength": 0.5}, "novel with strength = 0.5"),
    ],
)
def test_what_a_method_is_in_words(entry: dict[str, Any], expected: str) -> None:
    assert overview.describe(entry).endswith(expected)


def test_methods_of_several_entries_are_told_in_their_order(study: Study) -> None:
    entries = ({"kind": "alone", "modality": "a"}, {"kind": "novel"})
    found = replace(study, methods=(replace(study.methods[1], entries=entries),), settings={"name": "x"})
    assert "m: control, a model of a only, trained the same way; then novel." in words(overview.blocks(found))


@pytest.mark.parametrize(("gamma", "expected"), [(0.0, "alone (gamma = 0)"), (0.5, "plus gamma = 0.5 times the sum")])
def test_the_loss_is_told_in_words(study: Study, gamma: float, expected: str) -> None:
    assert expected in words(overview.blocks(replace(study, settings={"train": {"unimodal_loss": gamma}})))


def test_settings_are_listed_part_by_part(study: Study) -> None:
    settings = {
        "dataset": {"name": "keypad", "wrong_share": {"audio": 0.2}, "seed": None},
        "model": {"encoders": {}},
        "train": {"lr": 0.1},
    }
    said = words(overview.blocks(replace(study, settings=settings)))
    for line in ("dataset.wrong_share | audio: 0.2", "dataset.seed | not set", "model.encoders | none", "train.lr | 0.1"):
        assert line in said


def test_event_files_have_no_settings(study: Study) -> None:
    said = words(overview.blocks(study))
    assert "not named by event files" in said
    assert "as logged; event files hold no settings" in said
    assert "Settings" not in said


@pytest.mark.parametrize(
    ("change", "bound", "expected"),
    [
        (None, None, "no baseline to compare with"),
        (Change(-0.03, Interval(-0.04, -0.02), 3), None, "smaller gap"),
        (Change(-0.03, Interval(-0.07, 0.01), 3), None, "smaller gap, not resolved"),
        (Change(0.03, None, 1), None, "larger gap, one seed"),
        (Change(0.005, None, 0), None, "gap unchanged, no seed in common"),
        (Change(-0.03, Interval(-0.04, -0.02), 3), 0.2, "smaller gap, below chance bound"),
    ],
)
def test_the_interpretation_column(change: Change | None, bound: float | None, expected: str) -> None:
    assert gaps.interpret(Facts("m", gap=0.1, gap_change=change, chance=bound), None, False) == expected


def test_the_interpretation_of_a_control_and_of_the_reference() -> None:
    assert gaps.interpret(None, "audio", False) == "control: audio alone"
    assert gaps.interpret(Facts("m"), None, False) == "no gap logged"
    assert gaps.interpret(Facts("baseline", gap=0.1), None, True) == "reference imbalance"


def test_the_finding_names_the_smallest_gap_of_those_compared() -> None:
    base = Facts("baseline", gap=0.13)
    near, far = (
        Facts(n, gap=g, base_gap=0.13, gap_change=Change(g - 0.13, None, 1)) for n, g in (("near", 0.12), ("far", 0.10))
    )
    assert "far reduced the average gap from 13.00 points to 10.00 points (23% reduction)" in words(
        [gaps.finding((base, near, far)) or ""]
    )
    assert "near reduced" in words([gaps.finding((base, near)) or ""])


def test_the_finding_where_nothing_was_reduced_or_compared() -> None:
    up = Facts("up", gap=0.2, base_gap=0.13, gap_change=Change(0.07))
    assert gaps.finding((up,)) == "No method reduced the average gap of 13.00 points by 1 point or more."
    alone = Facts("x", gap=0.2, leader="audio", laggard="visual")
    assert gaps.finding((alone, Facts("y"))) == "Smallest average gap: 20.00 points (x), audio over visual."
    assert gaps.finding((Facts("y"),)) is None


def test_levelled_down_is_said_in_the_finding(study: Study) -> None:
    said = words(gaps.blocks(study))
    assert (
        "(50% reduction); levelled down: the leader (audio) fell by 10.00 points, the laggard (visual) moved by 0.00 points"
        in said
    )


def test_a_gap_below_the_bound_of_chance_is_marked() -> None:
    found = logs.study(
        {"baseline": {0: {"audio": [0.5], "visual": [0.3]}}, "m": {0: {"audio": [0.42], "visual": [0.4]}}}, sizes={"test": 100}
    )
    table = next(b for b in gaps.blocks(found) if isinstance(b, d.Table) and "Gap lies" in b.columns)
    assert [row[-1] for row in table.rows] == ["above", "below"]


def test_three_modalities_are_warned_of_the_floor_of_one_pair() -> None:
    three = {"audio": [0.5], "visual": [0.3], "text": [0.4]}
    assert "one pair" in words(gaps.blocks(logs.study({"baseline": {0: three}}, sizes={"test": 100})))
    assert "one pair" not in words(gaps.blocks(logs.study({"baseline": {0: PAIR}}, sizes={"test": 100})))


@pytest.mark.parametrize(
    ("epochs", "n", "expected"),
    [(None, 13, (1, 5, 9, 13)), (None, 4, (1, 2, 3, 4)), (None, 2, (1, 2)), (None, 1, (1,)), ([3, 1], 4, (1, 3)), ([], 4, ())],
)
def test_the_epochs_that_are_shown(epochs: list[int] | None, n: int, expected: tuple[int, ...]) -> None:
    found = logs.study({"m": {0: {"audio": [0.5] * n, "visual": [0.1] * n}}})
    assert trajectories.shown(found, found.methods[0], epochs) == expected


def test_an_epoch_that_one_method_lacks_is_left_out_for_it() -> None:
    found = logs.study({"long": {0: {"audio": [0.5] * 4}}, "short": {0: {"audio": [0.5] * 2}}})
    assert [trajectories.shown(found, m, [2, 4]) for m in found.methods] == [(2, 4), (2,)]


def test_a_gap_that_never_changes_has_no_marks() -> None:
    found = logs.study({"m": {0: {"audio": [0.5, 0.5], "visual": [0.25, 0.25]}}})
    assert "<-" not in words(trajectories.blocks(found))


def test_one_epoch_has_no_trend() -> None:
    found = logs.study({"m": {0: {"audio": [0.5], "visual": [0.25]}}})
    assert _text(trajectories.pattern(found.methods[0])) == "Pattern: one epoch, no trend."


def test_figures_hold_the_means_and_a_band_only_for_several_seeds(study: Study) -> None:
    one = logs.study({"m": {0: PAIR}})
    probes, gap = (b for b in trajectories.blocks(one) if isinstance(b, d.Figure))
    assert [p.lines[0].ys for p in probes.panels] == [(50.0, 60.0), (30.0, 40.0)]
    assert gap.panels[0].lines[0].ys == pytest.approx((20.0, 20.0))
    assert (gap.panels[0].lines[0].low, "no band" in gap.caption) == ((), True)
    several = next(b for b in trajectories.blocks(study) if isinstance(b, d.Figure))
    assert len(several.panels[0].lines[0].low) == 2


def test_a_band_is_one_standard_deviation() -> None:
    found = logs.study({"m": {0: {"a": [0.4]}, 1: {"a": [0.6]}}})
    line = common.curve(0, found.methods[0], lambda r: r.get("test/probe_acc_a"))
    assert line is not None
    assert (line.low, line.high) == (pytest.approx((50 - 200**0.5,)), pytest.approx((50 + 200**0.5,)))


def test_the_baseline_has_a_colour_of_its_own(study: Study) -> None:
    assert common.slots(study) == {"baseline": 0, "m": 1}
    assert common.slots(logs.study({"a": {0: PAIR}, "b": {0: PAIR}, "none": {}})) == {"a": 1, "b": 2}


def test_observations_name_what_moved_by_a_point_or_more(study: Study) -> None:
    assert [_text(o).split(" (")[0] for o in dynamics.observations(study, "audio")] == [
        "m lowered the highest audio probe from 60.00% to 50.00%",
        "m lowered the last audio probe from 60.00% to 50.00%",
    ]
    assert dynamics.observations(study, "visual") == [
        "No joint method moved the highest or the last visual probe by 1 point or more."
    ]
    assert dynamics.observations(logs.study({"m": {0: PAIR}}), "audio") == []


def test_gradients_need_a_norm(study: Study) -> None:
    assert words(gradients.blocks(study)).endswith("The logs hold no gradient norm (train/grad_norm_<modality>).")


def test_gradients_in_which_the_weaker_modality_has_the_larger_norm(study: Study) -> None:
    norms = {"train__grad_norm_audio": logs.points([1.0] * 4), "train__grad_norm_visual": logs.points([4.0] * 4)}
    said = words(gradients.blocks(with_series(study, **norms)))
    assert "larger gradient norm in 2 of 2 joint methods" in said
    assert "0.25" in said
    swapped = {
        "train__grad_norm_audio": norms["train__grad_norm_visual"],
        "train__grad_norm_visual": norms["train__grad_norm_audio"],
    }
    assert "larger gradient norm" not in words(gradients.blocks(with_series(study, **swapped)))


@pytest.mark.parametrize("known", [True, False])
def test_gradients_say_what_is_known_of_the_loss_scale(study: Study, known: bool) -> None:
    found = replace(with_series(study, train__grad_norm_audio=logs.points([1.0])), settings={"name": "x"} if known else None)
    assert ("unscaled gradients" in words(gradients.blocks(found))) is known
    assert ("do not say whether a loss scale was in force" in words(gradients.blocks(found))) is not known


def test_performance_needs_a_score(study: Study) -> None:
    assert "The logs hold neither test/accuracy nor test/f1_macro." in words(performance.blocks(study))


def test_accuracy_and_f1_never_share_a_column(study: Study) -> None:
    found = with_series(study, test__f1_macro=logs.points([0.2, 0.1]))
    (table, *_) = (b for b in performance.blocks(found) if isinstance(b, d.Table))
    assert table.columns == ("Method", "n", "Macro F1, last epoch", "Macro F1, best on test (published protocol, optimistic)")
    assert [row[2:] for row in table.rows] == [("10.00% ± 0.00", "20.00% ± 0.00")] * 2
    assert not any(isinstance(b, d.Figure) for b in performance.blocks(found))


@pytest.mark.parametrize(
    ("seeds", "expected"), [((0,), "cannot go below p = 1 "), (range(5), "p = 0.0625 "), (range(6), "p = 0.0312.")]
)
def test_what_n_pairs_can_show(seeds: Iterable[int], expected: str) -> None:
    found = logs.study({"baseline": dict.fromkeys(seeds, PAIR), "m": dict.fromkeys(seeds, LOWER)})
    assert expected in performance.power(found)
    assert ("no significance" in performance.power(found)) is (len(list(seeds)) < 6)


def test_methods_that_share_no_seed_cannot_be_paired() -> None:
    found = logs.study({"baseline": {0: PAIR}, "m": {1: PAIR}}, {"baseline": {0: [0.5, 0.5]}, "m": {1: [0.5, 0.5]}})
    assert performance.power(found) == "No method shares a seed with the baseline: nothing can be paired."
    (table,) = (b for b in performance.blocks(found) if isinstance(b, d.Table) and "Pairs" in b.columns)
    assert table.rows == ()


def test_the_scatter_holds_the_seeds_that_have_gap_and_accuracy() -> None:
    found = logs.study(
        {"baseline": {0: PAIR, 1: PAIR}, "solo": {0: {"audio": [0.5]}}}, {"baseline": {0: [0.5, 0.6]}, "solo": {0: [0.5]}}
    )
    figure = next(b for b in performance.blocks(found) if isinstance(b, d.Figure) and b.key == "scatter")
    (dots,) = figure.panels[0].dots
    assert (dots.xs, dots.ys) == (pytest.approx((20.0,)), (60.0,))
    assert figure.legend == ((0, "baseline"),)


def test_costs_are_shown_where_they_were_logged(study: Study) -> None:
    assert "Seconds per epoch" not in words(performance.blocks(study))
    found = with_series(
        study, **{SECONDS.replace("/", "__"): logs.points([2.0, 4.0]), "train__held_share_audio": logs.points([0.5, 0.0])}
    )
    said = words(performance.blocks(found))
    assert "Method | n | Held (audio)\n" in said
    assert "m | 2 | 25.00% ± 0.00\n" in said
    assert "Method | n | Seconds per epoch\n" in said
    assert "m | 2 | 3.000 ± 0.000\n" in said


def test_time_and_memory_are_sums_over_epochs_divided(study: Study) -> None:
    logged = {SECONDS: [2.0, 4.0], STEPS: [10, 10], SAMPLES: [300, 300], MEMORY: [2e8, 5e8], "train/updates_audio": [5, 6]}
    found = with_series(study, **{tag.replace("/", "__"): logs.points(values) for tag, values in logged.items()})
    said = words(performance.blocks(found))
    assert "Method | n | Updates (audio)" in said
    assert "m | 2 | 11" in said
    assert "Seconds per epoch | Time per update (ms) | Samples per second | Peak memory (MB)" in said
    assert "m | 2 | 3.000 ± 0.000 | 300" in said
    assert "± 0.0 | 100" in said
    assert "± 0.0 | 500" in said


@pytest.mark.parametrize(("off", "reported"), [(0.0049, False), (0.0050, False), (0.0051, True), (-0.0051, True)])
def test_a_logged_gap_may_differ_by_half_a_point(off: float, reported: bool) -> None:
    found = logs.study({"m": {0: {"audio": [0.5], "visual": [0.25]}}})
    found = with_series(found, test__utilization_gap=logs.points([0.25 + off]))
    assert bool(attention.blocks(found)) is reported


def test_notes_and_missing_cells_stand_first() -> None:
    failed = Method("m", (), (Failure(3, "why"), Failure(4, "not finished")))
    found = replace(logs.study({"baseline": {0: PAIR}}), notes=("take care",))
    said = words(attention.blocks(replace(found, methods=(*found.methods, failed))))
    assert said.splitlines() == [
        "Incomplete: 2 of 3 cells have no result (m seed 3 and m seed 4); reasons in section Data sources.", "take care.",
    ]  # fmt: skip


def test_sources_list_only_the_tags_that_are_used(study: Study) -> None:
    found = with_series(
        study, train__loss=logs.points([1.0]), val__loss=logs.points([1.0]), train__grad_norm_smell=logs.points([1.0])
    )
    said = words(sources.blocks(found))
    assert "train/loss | training loss, by epoch" in said
    assert "val/loss" not in said
    assert "smell" not in said


def test_sources_give_the_reason_of_every_failed_cell() -> None:
    found = replace(logs.study({"m": {0: PAIR}}), methods=(Method("m", (), (Failure(7, "out of memory"),)),))
    assert "m | 7 | out of memory" in words(sources.blocks(found))
