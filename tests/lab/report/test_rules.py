"""Every rule speaks exactly where its condition holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from asgml.lab.report import facts, interpretation_rules, measures, next_rules, words
from asgml.lab.report.document import Text, inlines
from asgml.lab.report.facts import Change, Facts, Solo, StudyFacts
from asgml.lab.report.rules import sentences
from asgml.lab.report.sections import interpretation, whats_next
from asgml.lab.statistics import Interval
from lab.report import logs

PLAIN = Facts("m", entries=(logs.FREQUENCY,), leader="audio", laggard="visual", lead_share=1.0, gap=0.10, base_gap=0.13)
STUDY = StudyFacts(
    (PLAIN,), modalities=("audio", "visual"), weakest="visual", weakest_range=(0.29, 0.35), seeds=6, controls=True
)


def text(found: Text) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in inlines(found))


def moved(gap: float, score: float, **more: Any) -> Facts:
    return replace(
        PLAIN, gap_change=Change(gap, Interval(gap - 0.01, gap + 0.01), 3), score_change=Change(score, None, 1), **more
    )


def said(facts: StudyFacts) -> str:
    return "\n".join(map(text, interpretation.statements(facts)))


def suggested(facts: StudyFacts) -> str:
    return "\n".join(map(text, whats_next.suggestions(facts)))


VERDICTS = {
    (-0.03, -0.015): "trades performance for balance",
    (-0.03, 0.005): "balances without performing better",
    (-0.03, 0.016): "moved both the right way",
    (0.0075, 0.016): "acts as a regulariser rather than a balancer (hypothesis)",
    (0.02, 0.016): "performs better while less balanced",
    (0.02, -0.015): "is worse on both counts",
    (0.005, -0.005): "changes neither",
    (0.005, -0.015): "costs performance without balancing",
    (0.02, 0.005): "is less balanced at the same performance",
}


@pytest.mark.parametrize("shift", VERDICTS)
def test_one_verdict_on_gap_and_score_and_it_names_its_numbers(shift: tuple[float, float]) -> None:
    sentence = said(replace(STUDY, methods=(moved(*shift),)))
    assert [verdict for verdict in VERDICTS.values() if verdict in sentence] == [VERDICTS[shift]]
    assert f"the average gap moved by {words.signed_points(shift[0])} (95% interval over 3 seeds" in sentence
    assert f"test accuracy moved by {words.signed_points(shift[1])} (one seed: no interval)" in sentence
    assert "baseline 13.00 points, now 10.00 points" in sentence


@pytest.mark.parametrize("unknown", [{"gap_change": None}, {"score_change": None}])
def test_no_verdict_without_both_changes(unknown: dict[str, None]) -> None:
    sentence = said(replace(STUDY, methods=(replace(moved(-0.03, -0.015), **unknown),)))
    assert not any(verdict in sentence for verdict in VERDICTS.values())


def test_balance_alone_is_called_no_success() -> None:
    assert "Balance alone is no success." in said(replace(STUDY, methods=(moved(-0.03, 0.0),)))


@pytest.mark.parametrize(
    ("mean", "state"), [(0.01, "up"), (-0.01, "down"), (0.0099, "unchanged"), (-0.0099, "unchanged"), (0.0, "unchanged")]
)
def test_a_change_counts_from_one_point_on(mean: float, state: str) -> None:
    assert Change(mean).state == state


@pytest.mark.parametrize(
    ("gap", "fall", "rise", "down"),
    [
        (-0.034, 0.030, 0.004, True),
        (-0.034, 0.017, 0.017, False),
        (-0.034, 0.018, 0.016, True),
        (0.034, 0.03, -0.06, False),
        (-0.005, 0.01, 0, False),
    ],
)
def test_levelled_down_needs_a_reduction_mostly_by_the_leaders_fall(gap: float, fall: float, rise: float, down: bool) -> None:
    found = moved(gap, 0.0, leader_fall=fall, laggard_rise=rise, base_leader="audio", base_laggard="visual")
    assert ("levelled down: the leader (audio) fell by" in said(replace(STUDY, methods=(found,)))) is down


@pytest.mark.parametrize(
    ("base", "own", "turned"), [("audio", "visual", True), ("audio", "audio", False), (None, "visual", False)]
)
def test_the_lead_is_turned_round(base: str | None, own: str, turned: bool) -> None:
    sentence = said(replace(STUDY, methods=(replace(PLAIN, base_leader=base, leader=own),)))
    assert ("turns the lead round: visual leads, in the baseline audio does" in sentence) is turned


@pytest.mark.parametrize(("gap", "chance", "below"), [(0.05, 0.066, True), (0.066, 0.066, False), (0.05, None, False)])
def test_a_gap_below_chance(gap: float, chance: float | None, below: bool) -> None:
    found = replace(STUDY, methods=(replace(PLAIN, gap=gap, chance=chance),))
    assert ("cannot be told from equal" in said(found)) is below
    assert ("Enlarge the test set" in suggested(found)) is below


@pytest.mark.parametrize(("probes", "stuck"), [((0.29, 0.3099), True), ((0.29, 0.31), False), (None, False)])
def test_bottleneck_is_a_weakest_probe_that_stays_within_two_points(probes: tuple[float, float] | None, stuck: bool) -> None:
    found = replace(STUDY, weakest_range=probes)
    assert ("visual encoder appears bottlenecked: its average probe lies between 29.00% and 30.99%" in said(found)) is stuck
    assert ("Look at the visual encoder and its preprocessing" in suggested(found)) is stuck


@pytest.mark.parametrize(
    ("guess", "probes", "blind"),
    [(0.1, (0.09, 0.1099), True), (0.1, (0.09, 0.11), False), (None, (0.0, 0.0), False), (0.1, None, False)],
)
def test_a_probe_that_guesses(guess: float | None, probes: tuple[float, float] | None, blind: bool) -> None:
    found = said(replace(STUDY, guess=guess, weakest_range=probes))
    assert ("no average probe exceeds guessing (10.00%) by 1 point" in found) is blind
    assert "appears bottlenecked" not in found or not blind, "what only guesses is no bottleneck"
    assert ("Look at what visual holds" in suggested(replace(STUDY, guess=guess, weakest_range=probes))) is blind


@pytest.mark.parametrize(
    ("gap", "score", "hedged"),
    [(Interval(-0.04, -0.01), Interval(-0.03, -0.01), False), (Interval(-0.09, 0.01), Interval(-0.03, -0.01), True),
     (Interval(-0.04, -0.01), Interval(-0.03, 0.01), True), (Interval(-0.04, -0.01), None, True)],
)  # fmt: skip
def test_a_verdict_says_where_the_seeds_do_not_resolve_it(gap: Interval, score: Interval | None, hedged: bool) -> None:
    found = replace(PLAIN, gap_change=Change(-0.03, gap, 3), score_change=Change(-0.02, score, 3))
    assert ("for balance on average, not resolved by these seeds:" in said(replace(STUDY, methods=(found,)))) is hedged


@pytest.mark.parametrize(
    ("laggard", "ratio", "pulls"),
    [("visual", 0.27, True), ("visual", 1.2, False), ("audio", 1.2, True), ("audio", 0.27, False), ("visual", None, False)],
)
def test_the_weaker_modality_has_the_larger_gradient(laggard: str, ratio: float | None, pulls: bool) -> None:
    found = replace(STUDY, methods=(replace(PLAIN, laggard=laggard, norm_ratio=ratio),))
    assert ("larger late gradient norm in every joint method" in said(found)) is pulls


@pytest.mark.parametrize(("seeds", "lone"), [(1, True), (2, False)])
def test_one_seed_is_a_hypothesis(seeds: int, lone: bool) -> None:
    assert ("rests on one seed" in said(replace(STUDY, seeds=seeds))) is lone


@pytest.mark.parametrize(
    ("joint", "said_"),
    [
        (0.40, "costs it accuracy, -5.00 points"),
        (0.50, "helps it, +5.00 points"),
        (0.455, "hardly changes it, +0.50 points"),
    ],
)
def test_a_probe_beside_its_solo_model(joint: float, said_: str) -> None:
    assert said_ in said(replace(STUDY, solos=(Solo("alone", "audio", 0.45, joint),)))
    assert "Alone" not in said(replace(STUDY, solos=(Solo("alone", "audio", 0.45, None),)))


@pytest.mark.parametrize(
    ("score", "said_"),
    [(0.60, "gains from fusion"), (0.505, "gains nothing from fusion"), (0.45, "is worse than its best modality alone")],
)
def test_the_joint_model_beside_the_best_solo_model(score: float, said_: str) -> None:
    solos = (Solo("a", "audio", score=0.50), Solo("v", "visual", score=0.30), Solo("t", "text"))
    sentence = said(replace(STUDY, solos=solos, joint_name="baseline", joint_score=score))
    assert f"The joint model (baseline) {said_}" in sentence
    assert "50.00% of the best solo model (a)" in sentence
    assert "The joint model" not in said(replace(STUDY, solos=solos, joint_score=None))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (logs.FREQUENCY, "k=3 (skips 33.33% of the updates of audio) and k=4 (skips 25.00%) instead of k=2 (50.00%)"),
        ({**logs.FREQUENCY, "rule": "every", "k": 4}, "k=3 (skips 66.67% of the updates of audio) instead of k=4 (75.00%)"),
        ({**logs.FREQUENCY, "rule": "every"}, "rule one_in with k=3 (skips 33.33% of the updates of audio)"),
        (logs.STALENESS, "tau=1 instead of tau=2 on audio"),
        ({"kind": "import", "import": "a:b"}, "the same method at half its strength"),
    ],
)
def test_softer_settings_say_the_shares_that_they_skip(entry: dict[str, Any], expected: str) -> None:
    found = replace(STUDY, methods=(moved(-0.03, -0.02, entries=(entry,), skipped={"audio": 0.5, "visual": 0.0}),))
    assert f"Soften m: {expected}" in suggested(found)
    assert "now it skips 50.00% of audio." in suggested(found)
    assert "Trigger: the gap fell and the score fell." in suggested(found)


@pytest.mark.parametrize("shift", [s for s in VERDICTS if s != (-0.03, -0.015)])
def test_nothing_is_softened_otherwise(shift: tuple[float, float]) -> None:
    assert "Soften" not in suggested(replace(STUDY, methods=(moved(*shift),)))


@pytest.mark.parametrize("shift", VERDICTS)
def test_a_regulariser_is_tested_as_one(shift: tuple[float, float]) -> None:
    found = suggested(replace(STUDY, methods=(moved(*shift),)))
    assert ("as a regulariser: compare it with gradient noise" in found) is (shift == (0.0075, 0.016))
    assert ("half the learning rate" in found) is (shift == (0.0075, 0.016))


@pytest.mark.parametrize(
    ("share", "chance", "fires"), [(0.79, None, True), (0.8, None, False), (0.79, 0.2, False), (None, None, False)]
)
def test_who_leads_changes(share: float | None, chance: float | None, fires: bool) -> None:
    found = replace(STUDY, methods=(replace(PLAIN, lead_share=share, chance=chance),))
    assert ("Let the probes decide whom m slows down" in suggested(found)) is fires


@pytest.mark.parametrize(
    ("gap", "leader", "fires"),
    [(0.02, "visual", True), (0.0, "visual", True), (-0.02, "visual", False), (0.02, "audio", False), (0.02, None, False)],
)
def test_a_method_that_acts_on_the_wrong_modality(gap: float, leader: str | None, fires: bool) -> None:
    said = suggested(replace(STUDY, methods=(moved(gap, 0.0, base_leader=leader),)))
    assert ("Compare m with the same on visual" in said) is fires


@pytest.mark.parametrize(("excess", "fires"), [(0.10, True), (0.0999, False), (None, False)])
def test_overfitting(excess: float | None, fires: bool) -> None:
    assert ("m overfits (" in suggested(replace(STUDY, methods=(replace(PLAIN, overfit=excess),)))) is fires


@pytest.mark.parametrize("rising", [True, False])
def test_training_that_had_not_ended(rising: bool) -> None:
    assert ("Train m for longer" in suggested(replace(STUDY, methods=(replace(PLAIN, still_rising=rising),)))) is rising


@pytest.mark.parametrize(("seeds", "fires"), [(0, False), (1, True), (5, True), (6, False)])
def test_more_seeds(seeds: int, fires: bool) -> None:
    assert ("Run 6 seeds or more" in suggested(replace(STUDY, seeds=seeds))) is fires


@pytest.mark.parametrize(
    ("more", "fires"), [({"controls": False}, True), ({}, False), ({"controls": False, "solos": (Solo("a", "audio"),)}, False),
                        ({"controls": False, "modalities": ("audio",)}, False)],
)  # fmt: skip
def test_controls_are_asked_for(more: dict[str, Any], fires: bool) -> None:
    assert ("Add a control that trains each modality alone" in suggested(replace(STUDY, **more))) is fires


@pytest.mark.parametrize("failed", [0, 2])
def test_missing_cells_are_asked_for(failed: int) -> None:
    assert ("Run what is missing (2 of the cells" in suggested(replace(STUDY, failed=failed))) is bool(failed)


def test_where_no_condition_holds_nothing_is_said() -> None:
    quiet = replace(STUDY, methods=(replace(PLAIN, gap=0.10),))
    assert interpretation.statements(quiet) == []
    assert whats_next.suggestions(quiet) == []


def test_every_rule_states_its_condition_once() -> None:
    tables = (interpretation_rules.METHOD, interpretation_rules.STUDY, next_rules.METHOD, next_rules.STUDY)
    for table in tables:
        conditions = [rule.when for rule in table]
        assert len(set(conditions)) == len(conditions)
    assert len(sentences(interpretation_rules.METHOD, [moved(-0.03, -0.02)])) == 1


def test_facts_come_from_the_logs() -> None:
    audio, visual = [0.50, 0.60], [0.30, 0.36]
    study = logs.study(
        {
            "baseline": {s: {"audio": audio, "visual": visual} for s in (0, 1)},
            "m": {s: {"audio": logs.shifted(audio, -0.05 - 0.01 * s), "visual": logs.shifted(visual, 0.02)} for s in (0, 1)},
            "solo": {0: {"audio": [0.62, 0.66]}},
        },
        {"baseline": {0: [0.5, 0.6], 1: [0.5, 0.62]}, "m": {0: [0.5, 0.58], 1: [0.5, 0.61]}, "solo": {0: [0.4, 0.5]}},
        sizes={"test": 100},
    )
    found = facts.of(study)
    _, m = found.methods
    assert (m.leader, m.laggard, m.lead_share, m.base_leader) == ("audio", "visual", 1.0, "audio")
    assert (m.base_gap, m.gap) == (pytest.approx(0.22), pytest.approx(0.145))
    assert (m.leader_fall, m.laggard_rise) == (pytest.approx(0.055), pytest.approx(0.02))
    assert m.gap_change is not None
    assert m.score_change is not None
    assert (m.gap_change.mean, m.gap_change.n) == (pytest.approx(-0.075), 2)
    assert m.score_change.mean == pytest.approx(-0.015)
    assert m.levelled_down
    assert (found.weakest, found.weakest_range) == ("visual", pytest.approx((0.33, 0.35)))
    (solo,) = found.solos
    assert (solo.probe, solo.joint_probe, solo.score) == (pytest.approx(0.64), pytest.approx(0.55), 0.5)
    assert solo.probe_change == Change(pytest.approx(-0.09), None, 1)
    assert solo.score_change == Change(pytest.approx(0.1), None, 1)
    assert (found.joint_name, found.joint_score, found.seeds) == ("baseline", pytest.approx(0.61), 1)


def test_scores_are_never_mixed() -> None:
    study = logs.study({"baseline": {0: {"audio": [0.5], "visual": [0.3]}}})
    assert measures.score_of(study) == "accuracy"
    run = study.methods[0].runs[0]
    only_f1 = replace(
        study,
        methods=(replace(study.methods[0], runs=(replace(run, series={**run.series, "test/f1_macro": logs.points([0.4])}),)),),
    )
    assert measures.score_of(only_f1) == "macro F1"
    assert facts.of(only_f1).joint_score == 0.4
