"""A weight that an encoder shares with the rest of the model is refused where the model is known."""

import pytest
import torch
from torch import nn

from asgml import Balancer, recipes
from asgml.integrations._shared import MicroBatches


class Tied(nn.Module):
    """An embedding whose weights are the head's; `how` says in what way."""

    def __init__(self, how):
        super().__init__()
        self.text = nn.ModuleDict({"words": nn.Embedding(9, 4), "mix": nn.Linear(4, 4)})
        self.image, self.head = nn.Linear(3, 4), nn.Linear(4, 9, bias=False)
        if how == "weight":
            self.head.weight = self.text["words"].weight
        elif how == "module":
            self.decoder = nn.ModuleDict({"words": self.text["words"]})
        elif how == "frozen":
            self.head.weight = self.text["words"].weight.requires_grad_(False)
        elif how == "within":
            self.text["again"] = nn.Linear(4, 4)
            self.text["again"].weight = self.text["mix"].weight


@pytest.mark.parametrize("model_of", [lambda net: net, MicroBatches, nn.Sequential], ids=["model", "host", "wrapped"])
@pytest.mark.parametrize("encoder", ["module", "patterns", "container"])
@pytest.mark.parametrize(("how", "other"), [("weight", "head.weight"), ("module", "decoder.words.weight")])
def test_it_is_refused_with_both_names(how, other, encoder, model_of):
    net = Tied(how)
    model = model_of(net)
    pattern = "0.text.*" if isinstance(model, nn.Sequential) else "text.*"
    text = {"module": net.text, "patterns": pattern, "container": nn.ModuleList([net.text["words"], net.text["mix"]])}[encoder]
    with pytest.raises(ValueError, match=rf"encoder 'text' shares a weight .*'(0\.)?text.words.weight' is '(0\.)?{other}' too"):
        Balancer({"text": text, "image": net.image}, recipes.staleness("text", tau=1), model=model)


@pytest.mark.parametrize("how", ["none", "frozen", "within"])
def test_what_is_not_shared_or_does_not_learn_is_no_reason(how):
    net = Tied(how)
    Balancer({"text": net.text, "image": net.image}, recipes.frequency("text", k=2), model=net)
    Balancer({"text": "text.mix.*", "image": net.image}, model=Tied("weight"))


def test_tying_later_is_refused_too():
    net = Tied("none")
    balancer = Balancer({"text": net.text["mix"], "image": net.image}, recipes.staleness("text", tau=1), model=net)
    net.head = nn.Linear(4, 4)
    net.head.weight = net.text["mix"].weight
    net.text["mix"](torch.ones(2, 4)).sum().backward()
    with pytest.raises(ValueError, match=r"'text.mix.weight' is 'head.weight' too"):
        balancer.adjust()
