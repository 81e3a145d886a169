"""What training costs is counted as a hand would."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import small
from asgml.lab import datasets
from asgml.lab.tasks.classification import Classification
from asgml.lab.training import cell as cells
from asgml.lab.training import plan
from asgml.lab.training.cost import Meter
from asgml.lab.training.evaluation import Samples
from asgml.lab.training.loop import Trainer
from asgml.lab.training.objectives import CrossEntropy


class TwoLinear(nn.Module):
    """Rows of 3 and 5 numbers, each to 4 features, these to 2 logits."""

    def __init__(self):
        super().__init__()
        self.encoders = nn.ModuleDict({"a": nn.Linear(3, 4), "b": nn.Linear(5, 4)})
        self.head = nn.Linear(8, 2)

    def forward(self, inputs):
        features = {m: encoder(inputs[m]) for m, encoder in self.encoders.items()}
        return self.head(torch.cat(list(features.values()), 1)), features


def test_an_update_of_linear_layers():
    model, rows = TwoLinear(), 7
    model.head.weight.grad = torch.ones(2, 8)
    meter = Meter.of(model, CrossEntropy(), ({"a": torch.ones(rows, 3), "b": torch.ones(rows, 5)}, torch.zeros(rows).long()))
    product = {name: 2 * rows * n for name, n in {"a": 3 * 4, "b": 5 * 4, "head": 8 * 2}.items()}
    # forward, the weight's gradient, and for the head the features' gradient; inputs need none
    assert meter.step == 2 * product["a"] + 2 * product["b"] + 3 * product["head"]
    assert meter.saved == {"a": product["a"], "b": product["b"]}
    assert model.training
    assert model.head.weight.grad is None


@pytest.mark.parametrize(
    ("entries", "off"),
    [
        ([], 0),
        ([{"frequency": {"modality": "audio", "k": 2}}], 0.1),  # the smaller last batch may be a skipped one
        ([{"adaptive": {"signal": "validation_probe", "threshold": 0}}], 0.1),
    ],
    ids=["plain", "skip", "held out"],
)
def test_all_epochs_are_what_counting_them_would_say(entries, off):
    cell = small.cell(entries, steer=0.2)
    data = datasets.load(cell.dataset, cell.seed)
    samples = Samples.of(data.train, data.modalities)
    steer = Samples.of(data.validation, data.modalities)
    trainer = Trainer.make(cell, plan.make(cell, data.modalities), samples, Classification(len(data.classes)), steer)
    first = trainer.run_epoch(samples)[1]["flops"]
    with FlopCounterMode(display=False) as counter:
        told = trainer.run_epoch(samples)[1]["flops"]
    assert told == pytest.approx(counter.get_total_flops(), rel=max(off, 1e-12))
    assert first > 0


def test_a_skip_is_cheaper_and_longer_is_dearer(tmp_path):
    totals = {}
    for name, entry in {
        "plain": [],
        "skip": [{"frequency": {"modality": "audio", "k": 2}}],
        "longer": [{"longer": {"factor": 2}}],
    }.items():
        cells.train(small.lay_out(tmp_path / name, small.cell(entry, look="chosen")))
        totals[name] = sum(r["flops"] for r in small.log(tmp_path / name) if "flops" in r)
    assert totals["skip"] < 0.9 * totals["plain"]
    assert totals["longer"] == pytest.approx(2 * totals["plain"])
