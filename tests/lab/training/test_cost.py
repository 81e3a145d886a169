"""What training costs is counted as a hand would."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import small
from asgml.lab import datasets
from asgml.lab.config import Model
from asgml.lab.models.late_fusion import LateFusion
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


def convolutions(channels, size):
    """Multiply-adds of ResNet-18's convolutions for one square image, by their shapes."""
    size = -(-size // 2)
    found = [64 * channels * 49 * size**2]
    size = -(-size // 2)
    for inside, outside in [(64, 64), (64, 128), (128, 256), (256, 512)]:
        size = size if inside == outside else -(-size // 2)
        found += [outside * inside * 9 * size**2] + 3 * [outside**2 * 9 * size**2]
        found += [outside * inside * size**2] if inside != outside else []
    return found


def test_resnet18_costs_what_its_shapes_say():
    """At 224 pixels 1.81 G multiply-adds forward (He et al., 2016: 1.8 G); backward twice that, less the images' gradient."""
    assert sum(convolutions(3, 224)) == 1_813_561_344
    image, label = torch.randn(2, 3, 32, 32), torch.zeros(2).long()
    settings = {"encoders": {"m": "resnet18"}, "feature_dim": 512}
    model = LateFusion({"m": image}, Model.model_validate(settings), 6, 0)
    meter = Meter.of(model, CrossEntropy(), ({"m": image}, label))
    by_layer, head = [2 * 2 * n for n in convolutions(3, 32)], 2 * 2 * 512 * 6
    assert meter.step == 3 * sum(by_layer) - by_layer[0] + 3 * head
    assert meter.saved == {"m": 2 * sum(by_layer) - by_layer[0] + head}, "nor is the head asked for the feature's gradient"


@pytest.mark.parametrize("kind", ["vit", "transformer"])
def test_attention_on_a_cpu_counts(kind):
    """Beside the linear layers, two products forward and five backward, one of them the forward's again."""
    hidden, tokens, rows = 8, 5, 2
    settings = {"hidden": hidden, "layers": 1, "heads": 2} | ({"patch": 2} if kind == "vit" else {})
    x = torch.randn(rows, 1, 4, 4) if kind == "vit" else torch.randn(rows, tokens, 3)
    model = LateFusion({"m": x}, Model.model_validate({"encoders": {"m": {kind: settings}}, "feature_dim": hidden}), 2, 0)
    embedded = 4 * 4 * hidden if kind == "vit" else tokens * 3 * hidden  # without the class token; inputs have no gradient
    linear = tokens * (4 * hidden**2 + 2 * 4 * hidden**2)
    attention = tokens**2 * hidden
    expected = 2 * rows * (2 * embedded + 3 * linear + (2 + 5) * attention + 3 * hidden * 2)
    assert Meter.of(model, CrossEntropy(), ({"m": x}, torch.zeros(rows).long())).step == expected


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
