"""A model that changes its encoders' outputs in place is diagnosed as one that does not; labels are looked at."""

import pytest
import torch
from torch import nn

import asgml


class Net(nn.Module):
    def __init__(self, in_place):
        super().__init__()
        torch.manual_seed(0)
        self.audio, self.visual, self.head = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(16, 3)
        self.in_place = in_place

    def forward(self, inputs):
        audio, visual = self.audio(inputs["audio"]), self.visual(inputs["visual"])
        audio = audio.mul_(0.1).relu_() if self.in_place else (audio * 0.1).relu()
        return self.head(torch.cat([audio, visual], 1))


def batches(kind=torch.long, shift=0):
    g = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    inputs = {m: torch.eye(3)[labels].repeat(1, 2) + torch.randn(60, 6, generator=g) for m in ("audio", "visual")}
    return [(inputs, (labels + shift).to(kind))]


def diagnosed(in_place=False, **kw):
    net = Net(in_place)
    data = batches(**kw)
    return asgml.diagnose(net, {"audio": net.audio, "visual": net.visual}, data, data, bootstrap=20).to_dict()


def test_outputs_are_examined_as_the_encoders_returned_them():
    assert diagnosed(in_place=True) == diagnosed(in_place=False)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int16, torch.int32])
def test_labels_of_any_integer_kind(kind):
    assert diagnosed(kind=kind) == diagnosed()


@pytest.mark.parametrize(("shift", "found"), [(-1, "-1"), (1, "3"), (-100, "-100, -99, -98")])
def test_labels_that_are_no_classes(shift, found):
    with pytest.raises(ValueError, match=f"labels must be 0 to 2, as many classes as its logits have, found {found}: count"):
        diagnosed(shift=shift)


def test_the_offline_probe_leaves_rows_without_a_label_out():
    x, y = torch.randn(40, 3), torch.arange(40) % 2
    masked = torch.where(torch.arange(40) < 30, y, -100)
    probe, fewer = asgml.fit_probe(x, masked), asgml.fit_probe(x[:30], y[:30])
    assert torch.equal(probe.weight, fewer.weight)
    assert probe.classes.tolist() == [0, 1]
