"""Two ranks of DistributedDataParallel, each with half of every batch, are one process with the whole of it."""

import on_ddp
import pytest
from comparing import PER_RANK, alone, assert_as_one, assert_near, assert_same
from torch import nn

import toy
from asgml import Readings, Recipe, Step
from asgml.interventions import Skip
from asgml.monitors import Probe
from asgml.policies import Constant
from table import ROWS
from toy import THREE, TWO

EVERY_PART = pytest.mark.parametrize("name", ROWS)
EVERY_NUMBER = pytest.mark.parametrize("modalities", [TWO, THREE], ids=["two", "three"])


@EVERY_PART
@EVERY_NUMBER
def test_l9_two_ranks_decide_alike_and_as_one_process(name, modalities, ranks):
    assert_as_one(ranks.run(on_ddp.row, name, modalities), alone(name, modalities), readings=name not in PER_RANK)


@pytest.mark.parametrize("name", ["Delay", "Delay fresh", "Scale then Delay", "Skip then Delay", "Noise everywhere"])
def test_gradients_that_are_views_of_buckets_are_queued_as_copies(name, ranks):
    ddp = {"gradient_as_bucket_view": True}
    assert_as_one(ranks.run(on_ddp.row, name, TWO, 1, ddp), alone(name, TWO))


@pytest.mark.parametrize("name", ["Delay fresh", "Skip then Delay", "Probe every 2"])
def test_micro_batches_under_no_sync(name, ranks):
    assert_as_one(ranks.run(on_ddp.row, name, THREE, 2), alone(name, THREE))


@pytest.mark.parametrize("name", ["GradNorm", "Probe", "Skip then Delay", "Scale", "Noise", "ogm"])
def test_one_reduction_per_update(name, ranks):
    for with_parts, without in ranks.run(on_ddp.collectives, name, TWO):
        learns = name in ("Probe", "Skip then Delay")
        first = ["all_reduce", "all_gather_object", "all_reduce"] if learns else ["all_reduce"]
        assert with_parts == [first, *[["all_reduce"]] * 3], "the first update alone may agree on what evidence looks like"
        assert without == [[]] * 4


@pytest.mark.parametrize("name", ["Skip then Delay", "Probe", "Scale then Delay", "Skip guarded", "OgmGe"])
def test_an_overflow_on_one_rank_leaves_all_ranks_alone(name, ranks):
    first, second = ranks.run(on_ddp.overflowing, name, TWO, 4)
    assert_same(second[0], first[0], "before: ")
    for (before, weights), (spoilt, kept), (after, _) in (first, second):
        expected = before[-1]["state"] | {"nonfinite": 1}
        assert_same(spoilt[0]["state"], expected, "an overflow changed more than its count: ")
        assert spoilt[0]["adjusted"] == {}
        assert_same(kept, weights, "weights: ")
        assert len(after) == 3
    assert_same(second[2], first[2], "after: ")


def test_the_wrapped_models_mode_counts_not_the_wrappers(ranks):
    """`net.eval()` leaves the wrapper in training mode."""
    recipe = Recipe((Probe(toy.CLASSES),), (Skip(Constant({"audio": True})),))
    for tally, taught in ranks.run(on_ddp.evaluated, TWO, recipe):
        assert tally == {"updated": 0, "skipped": 1, "held": 0}
        assert any(taught), "nothing is cut in eval mode"


ALL, SILENT = ("audio", "visual"), ("visual",)
WHOLE = (((0, 4), ALL), ((4, 8), ALL))
NONE_ON_1 = (((0, 4), ALL), ((4, 8), SILENT))
NONE = (((0, 4), SILENT), ((4, 8), SILENT))
UNEVEN = (((0, 5), ALL), ((5, 8), ALL))
MISSING = {
    "from the first step on": [NONE_ON_1, NONE_ON_1, WHOLE, NONE_ON_1, WHOLE, WHOLE],
    "later": [WHOLE, NONE_ON_1, NONE, WHOLE, NONE_ON_1, WHOLE],
    "everywhere at first": [NONE, NONE, NONE_ON_1, WHOLE, WHOLE, NONE],
}


@pytest.mark.parametrize("plan", MISSING)
@pytest.mark.parametrize("name", ["GradNorm", "Skip OneIn", "Delay", "Delay fresh", "Scale", "Scale then Delay", "OgmGe"])
def test_a_modality_missing_from_one_ranks_batch_is_used_by_all(name, plan, ranks):
    run = toy.start(TWO, ROWS[name].recipe(TWO), optimizer="sgd")
    trace = []
    for (inputs, labels), here in zip(toy.batches(TWO, 6), MISSING[plan], strict=True):
        for (first, last), present in here:
            xs = {m: inputs[m][first:last] for m in present}
            (nn.functional.cross_entropy(run.model(xs), labels[first:last]) / 2).backward()
        trace.append(on_ddp.trace_of(run.balancer, run.balancer.adjust()))
        run.optimizer.step()
        run.optimizer.zero_grad()
    assert_as_one(ranks.run(on_ddp.by_plan, name, TWO, MISSING[plan]), (trace, run.weights()))


@pytest.mark.parametrize("plan", [*MISSING, "uneven"])
@pytest.mark.parametrize("every", [1, 2])
def test_a_probe_learns_from_the_rows_that_there_are(plan, every, ranks):
    steps = [UNEVEN] * 6 if plan == "uneven" else MISSING[plan]
    found, other = ranks.run(on_ddp.frozen_by_plan, Recipe((Probe(toy.CLASSES, every=every),)), TWO, steps)
    assert_same(other, found, "rank 1 against rank 0: ")
    net, expected = toy.Toy(TWO), [{"probe": {}} if t % every == 0 else {} for t in range(6)]
    for m in TWO:
        probe = Probe(toy.CLASSES)
        for t, ((inputs, labels), here) in enumerate(zip(toy.batches(TWO, 6), steps, strict=True)):
            rows = [n for (first, last), present in here if m in present for n in range(first, last)]
            if rows and t % every == 0:
                step = a_step({m: net.encoders[m](inputs[m][rows]).detach()}, labels[rows])
                expected[t]["probe"] |= {m: float(probe.measure(step)[m])}
                probe.learn(step, probe.evidence(step))
    assert_near(found, expected, "ranks against all rows: ")


def a_step(features, targets):
    return Step(0, {}, features, targets, frozenset(features), frozenset(), Readings(), {})


def test_what_cannot_skip_is_refused_with_words(ranks):
    for words in ranks.run(on_ddp.refusals):
        assert "`model=` must be given to skip under torch.distributed" in words["no model"]
        assert "find_unused_parameters=True for a Skip, found False" in words["plain"]
        assert words["compiled"] == words["plain"]
        assert "static_graph=True cannot skip" in words["static"]
        assert words["delay"] == words["delay, no model"] == "not refused"


def test_a_feature_of_another_size_on_one_rank_is_refused_on_all(ranks):
    words = ranks.run(on_ddp.other_sizes)
    assert words[0] == words[1]
    assert "monitor 'probe': 'audio.sum' has shape (4,), torch.float32 on rank 1, but (3,)" in words[0]


def test_an_encoder_that_no_rank_has_seen_is_refused_on_all(ranks):
    for words in ranks.run(on_ddp.never_seen):
        assert "encoder 'audio' has gradients, but its forward was never seen" in words
