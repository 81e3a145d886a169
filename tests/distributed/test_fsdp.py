"""Two ranks of FSDP2, each with half of every batch and half of every parameter, are one process with the whole."""

import warnings

import on_ddp
import on_fsdp
import pytest
import torch.distributed.checkpoint as dcp
from comparing import PER_RANK, alone, assert_as_one, assert_near, assert_same

import toy
from table import ROWS
from toy import THREE, TWO

UNSHARDED = {
    "Conflict": "'conflict' needs the whole gradient of 'audio', whose parameters are sharded over ranks",
    "ConflictShare": "'conflict_share' needs the whole gradient of 'audio', whose parameters are sharded over ranks",
    "Smoothed": "'smoothed_grad_norm' cannot average 'grad_norm'",
    "WeightDrift": "'weight_drift' needs the whole of 'audio', whose parameters are sharded over ranks",
}
"""What a row that cannot work on shards says."""
SHARDED = [name for name in ROWS if name not in UNSHARDED]
CALLS_PIECES = {name for name, row in ROWS.items() if callable(row.recipe(TWO))}
"""Rows that call an encoder or a head by itself, for which it must have been sharded by itself."""


def check(name, modalities, each, ranks):
    assert_as_one(
        ranks.run(on_fsdp.row, name, modalities, each), alone(name, modalities), readings=name not in PER_RANK, shards=True
    )


@pytest.mark.parametrize("name", SHARDED)
def test_l9_ranks_with_sharded_encoders_decide_alike_and_as_one_process(name, ranks):
    check(name, TWO, True, ranks)


@pytest.mark.parametrize("name", [name for name in SHARDED if name not in CALLS_PIECES])
def test_l9_ranks_with_a_model_sharded_in_one_piece_decide_alike_and_as_one_process(name, ranks):
    check(name, THREE, False, ranks)


@pytest.mark.parametrize("name", UNSHARDED)
def test_what_cannot_work_on_shards_says_so(name, ranks):
    assert all(UNSHARDED[name] in words for words in ranks.run(on_fsdp.refused_row, name, TWO))


@pytest.mark.parametrize("name", ["GradNorm", "Skip then Delay", "Noise everywhere"])
def test_a_mesh_that_replicates_as_well(name, ranks):
    assert_as_one(ranks.run(on_fsdp.replicated, name, TWO), alone(name, TWO))


def test_a_skipped_encoder_has_no_gradient_and_queues_hold_shards(ranks):
    sizes = []
    for seen, queued, own in ranks.run(on_fsdp.skipped_and_queued):
        assert [cut for cut, _, _ in seen] == [[], ["audio"], [], ["audio"]]
        assert all(with_grad == {"audio": "audio" not in cut, "visual": True} for cut, with_grad, _ in seen)
        assert all(sharded for _, _, sharded in seen)
        assert queued == [{name: own[name] for name in queued[0]}] * 2, "a queue holds this rank's shards and nothing else"
        sizes.append(own["first.weight"][0])
    assert sizes == [(4, 6), (3, 6)]


def test_an_overflow_in_one_ranks_shard_leaves_all_ranks_alone(ranks):
    first, second = ranks.run(on_fsdp.overflowing)
    for before, after, _ in (first, second):
        assert_same(after, before | {"nonfinite": 1}, "an overflow changed more than its count: ")
    assert_same(second[2], first[2], "after: ")


def test_encoders_sharded_in_part_too_late_or_flattened_are_refused(ranks):
    for partly, late, flat in ranks.run(on_fsdp.refusals):
        assert "some parameters of encoder 'audio' are sharded and others are not" in partly
        assert "parameters of encoder 'audio' were replaced after the Balancer was made" in late
        assert "FullyShardedDataParallel flattens parameters" in flat


@pytest.mark.parametrize("together", [False, True], ids=["shards", "whole"])
@pytest.mark.parametrize("name", ["Skip then Delay", "Delay fresh", "Noise everywhere"])
def test_a_distributed_checkpoint_resumes_exactly(name, together, ranks, tmp_path):
    work = (str(tmp_path), name, TWO, 4, together)
    gone_on = ranks.run(on_fsdp.saved, *work)
    assert_same(ranks.run(on_fsdp.resumed, *work), gone_on, "resumed: ")


def loaded(folder, key):
    """Return one entry of a distributed checkpoint, in this one process."""
    state = {key: (None,)}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled, unavailable or uninitialized", UserWarning)
        dcp.load(state, checkpoint_id=folder)
    return state[key][0]


def test_a_checkpoint_put_together_resumes_in_one_process(ranks, tmp_path):
    name, at = "Skip then Delay", 4
    gone_on = ranks.run(on_fsdp.saved, str(tmp_path), name, TWO, at, True)
    run = toy.start(TWO, ROWS[name].recipe(TWO), optimizer="sgd")
    on_ddp.train(run, run.model, toy.batches(TWO, at))  # the same weights as the ranks', within tolerance
    run.balancer.load_state_dict(loaded(str(tmp_path), "balancer"))
    assert_near(gone_on[0], on_ddp.train(run, run.model, toy.batches(TWO, 8)[at:]), "one process: ")


def test_a_checkpoint_of_shards_is_refused_in_one_process(ranks, tmp_path):
    name = "Skip then Delay"
    ranks.run(on_fsdp.saved, str(tmp_path), name, TWO, 4, False)
    run = toy.start(TWO, ROWS[name].recipe(TWO))
    with pytest.raises(ValueError, match="the state holds shards over 2 ranks, which the encoders here are not sharded over"):
        run.balancer.load_state_dict(loaded(str(tmp_path), "balancer 0"))
    assert run.balancer.index == 0
