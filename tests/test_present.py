"""A batch of which some rows lack a modality: encoders see theirs alone, and monitors count these."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from asgml import Balancer
from asgml.monitors import GradNorm, MultilabelProbe, Probe, RidgeProbe

MASK = torch.tensor([True, False, True, True, False, True])
X = {"a": torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), "v": torch.randn(6, 4)}
CLASSES = torch.tensor([0, 1, 1, 0, 0, 1])


def net():
    torch.manual_seed(1)
    return nn.ModuleDict({"a": nn.Linear(3, 5), "v": nn.Linear(4, 5)})


def forward(encoders, rows, mask):
    a, v = encoders["a"](X["a"][rows]), torch.zeros(len(mask), 5)
    return a + (v.index_put((mask.nonzero()[:, 0],), encoders["v"](X["v"][rows][mask])) if mask.any() else v)


@pytest.mark.parametrize(
    ("probe", "targets"),
    [(Probe(2), CLASSES), (MultilabelProbe(2), torch.stack([CLASSES, 1 - CLASSES], 1)), (RidgeProbe(), CLASSES.float())],
    ids=["classes", "labels", "numbers"],
)
def test_probes_learn_from_the_rows_that_have_the_modality(probe, targets):
    """The same memory as from a batch of these rows alone."""
    memories = []
    for part, present in ((probe.fresh(), {"v": MASK}), (probe.fresh(), None)):
        encoders = net()
        balancer = Balancer({"v": encoders["v"]}, measure=[part])
        for _ in range(3):
            encoders["v"](X["v"][MASK]).sum().backward()
            if present:
                balancer.adjust(targets, present=present)
            else:
                balancer.adjust(targets[MASK])
        memories.append(part.state_dict()["v"])
    assert all(torch.equal(memories[0][key], memories[1][key]) for key in memories[0])


def test_a_batch_where_nobody_has_it_leaves_the_modality_out():
    encoders = net()
    balancer = Balancer(dict(encoders.items()), measure=[GradNorm(), Probe(2)])
    none = torch.zeros(6, dtype=torch.bool)
    cross_entropy(forward(encoders, slice(None), none), CLASSES).backward()
    readings = balancer.adjust(CLASSES, present={"v": none})
    assert {name: list(values) for name, values in readings.items()} == {"grad_norm": ["a"], "probe": ["a"]}
    assert balancer.tally["v"] == {"updated": 0, "skipped": 0, "held": 0}


def test_micro_batches_with_and_without_masks_equal_one_batch():
    readings = []
    for cuts in ([slice(0, 6)], [slice(0, 2), slice(2, 4), slice(4, 6)]):
        encoders = net()
        balancer = Balancer(dict(encoders.items()), measure=[Probe(2)])
        for rows in cuts:
            present = {} if MASK[rows].all() else {"v": MASK[rows]}
            cross_entropy(forward(encoders, rows, MASK[rows]), CLASSES[rows]).backward()
            balancer.observe(CLASSES[rows], present=present)
        balancer.adjust()
        readings.append({m: v.clone() for m, v in balancer.measure[0].state_dict()["v"].items()})
    assert all(torch.allclose(readings[0][key], readings[1][key]) for key in readings[0])


def test_without_the_mask_the_rows_do_not_fit():
    encoders = net()
    balancer = Balancer(dict(encoders.items()), measure=[Probe(2)])
    forward(encoders, slice(None), MASK).sum().backward()
    with pytest.raises(ValueError, match="the feature of 'v' has 4"):
        balancer.observe(CLASSES)
