"""Seeds come from a purpose; every row is drawn once an epoch."""

import pytest
import torch

from asgml.lab.training import seeding


def test_purposes_differ_and_repeat():
    seeds = {seeding.derive(s, what, n) for s in range(3) for what in ("order", "epoch") for n in range(3)}
    assert len(seeds) == 18
    assert seeding.derive(0, "order", 1) == 125578804223736978, "pinned: a change would change every result"
    assert all(0 <= s < 2**63 for s in seeds)


def test_the_generator_is_put_back():
    state = torch.get_rng_state()
    with seeding.seeded(1, "x"):
        first = torch.rand(3)
    with seeding.seeded(1, "x"):
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(("rows", "sizes"), [(10, [4, 4, 2]), (9, [4, 5]), (8, [4, 4]), (3, [3]), (1, [1])])
def test_every_row_once_and_no_batch_of_one_left_over(rows, sizes):
    batches = seeding.order(rows, 4, 0, "order", 1)
    assert [len(b) for b in batches] == sizes
    assert sorted(torch.cat(batches).tolist()) == list(range(rows))
    assert rows < 4 or not torch.equal(torch.cat(batches), torch.cat(seeding.order(rows, 4, 0, "order", 2)))
