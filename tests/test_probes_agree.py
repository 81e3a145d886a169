"""On real training ValidationProbe, fitted anew, names the offline probe's leader wherever the modalities are 5 points apart.

Also while one side skips half of its updates. These are a few runs of `studies/probe_agreement.py`, with a lead that changes;
figures of many runs stand in docs/library.md. A probe that learns along names the old leader for some epochs after a change.
"""

import pytest
import torch
from torch.nn.functional import cross_entropy

from asgml import Balancer, Recipe, fit_probe, recipes
from asgml.lab import datasets
from asgml.lab.config import Model
from asgml.lab.datasets.settings import Keypad
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training import seeding
from asgml.lab.training.evaluation import Samples, encode
from asgml.monitors import Probe, ValidationProbe

SEEDS, EPOCHS, UPDATES, BATCH, APART = (0, 1), 11, 5, 64, 0.05
METHODS = {"none": Recipe(), "visual": recipes.frequency("visual", 2)}


def gaps(data, seed, recipe):
    """Between epochs: audio's lead over visual on the held-out split by the offline probe, and by each reading.

    The readings are those of the update that follows, which measures before it changes a weight.
    """
    train, held_out = (Samples.of(split, data.modalities) for split in (data.train, data.validation))
    model = LateFusion(train.inputs, Model(), len(data.classes), seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    encoders, (seen, new) = dict(model.encoders.items()), (s.rows(slice(None)) for s in (train, held_out))
    measure = [Probe(10), ValidationProbe(10, encoders, [new], score_every=UPDATES, decay=0.0, training=[seen])]
    balancer = Balancer(encoders, recipe, measure=measure)
    for epoch in range(EPOCHS):
        leads = offline(encode(model, train), encode(model, held_out)) if epoch else {}
        for step, rows in enumerate(seeding.order(len(train.labels), BATCH, seed, "order", epoch)):
            inputs, targets = train.rows(rows)
            cross_entropy(model(inputs)[0], targets).backward()
            balancer.adjust(targets)
            if leads and step == 0:
                yield [scores["audio"] - scores["visual"] for scores in (leads, *balancer.readings.values())]
            optimizer.step()
            optimizer.zero_grad()
        scheduler.step()
        assert balancer.index == (epoch + 1) * UPDATES


def offline(frozen, tested):
    """Modality -> accuracy of the converged probe."""
    fitted = {m: fit_probe(x, frozen.labels, max_iter=40) for m, x in frozen.features.items()}
    return {m: fitted[m].accuracy(x, tested.labels) for m, x in tested.features.items()}


@pytest.fixture(scope="module")
def told():
    """Who leads by the offline probe, Probe and ValidationProbe, in the epochs that count."""
    found = []
    for seed in SEEDS:
        data = datasets.load(Keypad(train_size=300, snr_db=-7), seed)
        found += [gap for recipe in METHODS.values() for gap in gaps(data, seed, recipe)]
    return [[gap > 0 for gap in epoch] for epoch in found if abs(epoch[0]) > APART]


def test_each_side_leads_somewhere(told):
    assert len(told) >= 30
    assert min(sum(epoch[0] is side for epoch in told) for side in (True, False)) >= 10


def agreed(told, which):
    return sum(epoch[0] == epoch[which] for epoch in told) / len(told)


def test_a_probe_fitted_anew_names_the_leader_that_the_offline_probe_names(told):
    assert agreed(told, 2) >= 0.95


def test_a_probe_that_learns_along_lags(told):
    assert agreed(told, 1) < agreed(told, 2) - 0.1
