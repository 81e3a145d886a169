"""Models as people have them: outputs that are no tensor, encoders called often or not at all, frozen, or without a module."""

from collections import OrderedDict, namedtuple

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from asgml import Balancer, Recipe, recipes
from asgml.interventions import Delay, Scale, Skip
from asgml.monitors import GradNorm, Probe
from asgml.policies import Constant

Pair = namedtuple("Pair", ["first", "second"])


class Output(OrderedDict):
    """Like a Hugging Face ModelOutput: a mapping whose keys are attributes, made from keywords."""

    def __getattr__(self, name):
        return self[name]


class Wrapped(nn.Module):
    """An encoder whose output is made by `shape` from the feature."""

    def __init__(self, wrap):
        super().__init__()
        self.linear, self.wrap = nn.Linear(3, 4), wrap

    def forward(self, x):
        return self.wrap(self.linear(x))


SHAPES = {
    "tuple": (lambda h: (h, None, [h * 2]), lambda out: out[0]),
    "named tuple": (lambda h: Pair(h * 2, h), lambda out: out.second),
    "mapping": (lambda h: {"feature": h, "length": 3}, lambda out: out["feature"]),
    "model output": (lambda h: Output(last_hidden_state=h[:, None].expand(-1, 2, -1)), lambda out: out.last_hidden_state[:, 0]),
}


@pytest.mark.parametrize("case", SHAPES)
def test_outputs_that_are_no_tensor(case):
    wrap, extract = SHAPES[case]
    net = nn.ModuleDict({"text": Wrapped(wrap), "audio": nn.Linear(3, 4)})
    skip = Skip(Constant({"text": True}))
    balancer = Balancer(dict(net.items()), Recipe((Probe(4),), (skip,)), features={"text": extract})
    output = net["text"](torch.ones(2, 3))
    assert type(output) is type(wrap(torch.ones(2, 4))), "the model gets what its encoder returns"
    (extract(output) + net["audio"](torch.ones(2, 3))).sum().backward()
    balancer.adjust(torch.tensor([0, 1]))
    assert all(p.grad is None for p in net["text"].parameters()), "everything in it was cut"
    assert set(balancer.readings["probe"]) == {"text", "audio"}


class Frames(nn.Module):
    """Calls its visual encoder once per frame, twice a forward."""

    def __init__(self):
        super().__init__()
        self.audio, self.visual, self.head = nn.Linear(3, 4), nn.Linear(5, 4), nn.Linear(8, 3)

    def forward(self, audio, frames):
        visual = torch.stack([self.visual(frame) for frame in frames]).mean(0)
        return self.head(torch.cat([self.audio(audio), visual], 1))


def frames(micro):
    return [(torch.randn(4, 3), [torch.randn(4, 5), torch.randn(4, 5)], torch.tensor([0, 1, 2, 0])) for _ in range(micro)]


@pytest.mark.parametrize("micro", [1, 3])
def test_an_encoder_called_several_times_is_averaged_within_a_forward(micro):
    net, seen = Frames(), []
    probe = Probe(3)
    balancer = Balancer({"audio": net.audio, "visual": net.visual}, measure=[probe], model=net)
    plain = probe.measure
    probe.measure = lambda step: (seen.append(step.features), plain(step))[1]
    batches = frames(micro)
    for audio, images, labels in batches:
        nn.functional.cross_entropy(net(audio, images), labels).backward()
        balancer.observe(labels)
    balancer.adjust()
    expected = torch.cat([torch.stack([net.visual(f) for f in images]).mean(0) for _, images, _ in batches])
    torch.testing.assert_close(seen[0]["visual"], expected)
    assert len(seen[0]["audio"]) == 4 * micro


def test_without_the_model_rows_that_do_not_fit_are_refused_with_words():
    net = Frames()
    balancer = Balancer({"audio": net.audio, "visual": net.visual}, measure=[Probe(3)])
    audio, images, labels = frames(1)[0]
    nn.functional.cross_entropy(net(audio, images), labels).backward()
    with pytest.raises(ValueError, match=r"'probe' needs targets of shape \(8,\), the rows of 'visual'"):
        balancer.adjust(labels)


def test_observed_targets_must_have_the_features_rows():
    encoder = nn.Linear(3, 4)
    balancer = Balancer({"audio": encoder}, measure=[Probe(3)])
    encoder(torch.ones(4, 3)).sum().backward()
    with pytest.raises(ValueError, match="`targets` have 3 rows, the feature of 'audio' has 4: give one row per sample"):
        balancer.observe(torch.tensor([0, 1, 2]))


def test_the_models_mode_counts_where_the_model_is_given():
    """Fine-tuning with the encoder in eval mode, so that its BatchNorm rests."""
    net = Frames()
    balancer = Balancer({"audio": net.audio, "visual": net.visual}, measure=[GradNorm()], model=net)
    net.audio.eval()
    audio, images, labels = frames(1)[0]
    nn.functional.cross_entropy(net(audio, images), labels).backward()
    assert set(balancer.adjust()["grad_norm"]) == {"audio", "visual"}
    net.eval()
    net(audio, images)
    assert balancer._taps.take() == {}
    balancer.remove()
    assert not net._forward_pre_hooks


def test_an_encoder_in_eval_mode_without_the_model_is_an_error_that_says_what_to_do():
    net = Frames()
    balancer = Balancer({"audio": net.audio}, measure=[GradNorm()])
    net.audio.eval()
    audio, images, labels = frames(1)[0]
    nn.functional.cross_entropy(net(audio, images), labels).backward()
    with pytest.raises(RuntimeError, match=r"keep that module in train mode while training \(or give `model=`"):
        balancer.adjust()


def checkpointed(reentrant):
    net, labels = Frames(), torch.tensor([0, 1, 2, 0])
    balancer = Balancer({"audio": net.audio, "visual": net.visual}, measure=[Probe(3)])
    audio = checkpoint(net.audio, torch.randn(4, 3, requires_grad=True), use_reentrant=reentrant)
    visual = net.visual(torch.randn(4, 5))
    nn.functional.cross_entropy(net.head(torch.cat([audio, visual], 1)), labels).backward()
    return balancer, labels


def test_activation_checkpointing_records_each_forward_once():
    balancer, labels = checkpointed(reentrant=False)
    assert set(balancer.adjust(labels)["probe"]) == {"audio", "visual"}


def test_reentrant_checkpointing_hides_the_forward_and_is_refused():
    balancer, labels = checkpointed(reentrant=True)
    with pytest.raises(RuntimeError, match="activation checkpointing needs use_reentrant=False"):
        balancer.adjust(labels)


def test_a_partly_frozen_encoder_moves_where_it_may():
    net = Frames()
    net.audio.weight.requires_grad_(False)  # as adapters leave their base
    balancer = Balancer(
        {"audio": net.audio, "visual": net.visual}, Recipe((GradNorm(),), (Delay({"audio": 1}), Scale({"audio": 2})))
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1)
    weight, biases = net.audio.weight.clone(), []
    for audio, images, labels in frames(3):
        nn.functional.cross_entropy(net(audio, images), labels).backward()
        balancer.adjust()
        optimizer.step()
        optimizer.zero_grad()
        biases.append(net.audio.bias.detach().clone())
    assert torch.equal(net.audio.weight, weight)
    assert not torch.equal(biases[0], biases[1])
    assert balancer.tally["audio"] == {"updated": 2, "skipped": 0, "held": 1}


class EarlyFusion(nn.Module):
    """One trunk for both: a modality is a set of parameters, not a module."""

    def __init__(self):
        super().__init__()
        self.vision_tower = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 4))
        self.vision_projector, self.language = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.language(self.vision_projector(self.vision_tower(x)))


def test_parameter_patterns_stand_for_a_modality_without_a_module():
    net = EarlyFusion()
    balancer = Balancer(
        {"vision": ["vision_tower.*", "vision_projector.*"], "language": "language.*"},
        Recipe((GradNorm(),), (Delay({"vision": 1}), Scale({"language": 0.5}))),
        model=net,
    )
    assert set(balancer.params["vision"]) == {
        "vision_tower.0.weight", "vision_tower.0.bias", "vision_tower.1.weight", "vision_tower.1.bias",
        "vision_projector.weight", "vision_projector.bias",
    }  # fmt: skip
    raw = []
    for _ in range(3):
        net(torch.randn(2, 5)).sum().backward()
        raw.append({n: p.grad.clone() for n, p in net.named_parameters()})
        balancer.adjust()
        if len(raw) > 1:
            assert torch.equal(net.vision_tower[0].weight.grad, raw[-2]["vision_tower.0.weight"])
        assert torch.equal(net.language.weight.grad, raw[-1]["language.weight"] * 0.5)
        net.zero_grad()
    assert balancer.tally["vision"] == {"updated": 2, "skipped": 0, "held": 1}
    assert set(balancer.readings["grad_norm"]) == {"vision", "language"}


PATTERNS = {
    "no model": (
        dict(encoders={"v": "vision_tower.*"}),
        ValueError,
        r"given as parameter names \['vision_tower.\*'\]: give `model=`",
    ),
    "no match": (
        dict(encoders={"v": "vision.*"}, model=EarlyFusion()),
        ValueError,
        r"'vision.\*' matches no parameter; names begin with language, vision_projector, vision_tower",
    ),
    "a skip": (
        dict(encoders={"v": "vision_tower.*"}, recipe=recipes.frequency("v", 2), model=EarlyFusion()),
        ValueError,
        r"skips \['v'\], given as parameter names: without a module whose output can be cut nothing is skipped",
    ),
    "a bare skip": (
        dict(encoders={"v": "vision_tower.*"}, act=[Skip(lambda index, readings: {"v": True})], model=EarlyFusion()),
        ValueError,
        r"skips \['v'\], given as parameter names: without a module nothing can be cut",
    ),
    "overlap": (
        dict(encoders={"v": "vision_*", "t": "*.0.weight"}, model=EarlyFusion()),
        ValueError,
        r"encoders 'v' \('vision_tower.0.weight'\) and 't' \('vision_tower.0.weight'\) share a parameter",
    ),
    "data parallel": (
        dict(encoders={"v": nn.DataParallel(nn.Linear(2, 2))}),
        TypeError,
        "nn.DataParallel copies the model every step, so no encoder can be watched: use DistributedDataParallel",
    ),
    "unknown feature": (
        dict(encoders={"v": nn.Linear(2, 2)}, features={"w": lambda out: out}),
        ValueError,
        r"`features` names \['w'\]; the modalities with a module are \['v'\]",
    ),
    "nothing": (dict(encoders={"v": []}, model=EarlyFusion()), TypeError, "or patterns of parameter names, found list"),
}


@pytest.mark.parametrize("case", PATTERNS)
def test_what_cannot_work_is_refused_with_words(case):
    arguments, error, words = PATTERNS[case]
    with pytest.raises(error, match=words):
        Balancer(**arguments)


def test_tasks_without_labels_need_no_targets():
    net = Frames()
    balancer = Balancer(
        {"audio": net.audio, "visual": net.visual},
        Recipe((GradNorm(),), (Skip(Constant({"audio": True})), Delay({"visual": 1}), Scale({"visual": 0.5}))),
    )
    for audio, images, _ in frames(3):
        net(audio, images).square().mean().backward()
        balancer.adjust()
        net.zero_grad()
    assert balancer.summary().splitlines() == [
        "audio: 0 updates, 3 skipped, 0 held",
        "visual: 2 updates, 0 skipped, 1 held, learns from gradients 1 updates old, gradients scaled by 0.5 on average",
    ]


def test_patterns_match_the_names_inside_a_compiled_model():
    net = EarlyFusion()
    balancer = Balancer({"vision": "vision_tower.*"}, Recipe((GradNorm(),)), model=torch.compile(net, backend="eager"))
    assert set(balancer.params["vision"]) == {f"vision_tower.{n}.{kind}" for n in (0, 1) for kind in ("weight", "bias")}


def test_forwards_that_no_update_follows_can_be_forgotten():
    encoder = nn.Linear(3, 4)
    balancer = Balancer({"audio": encoder}, measure=[Probe(3)])
    encoder(torch.ones(5, 3))
    balancer.observe(torch.zeros(5, dtype=torch.long))
    balancer.forget()
    encoder(torch.ones(2, 3)).sum().backward()
    assert balancer.adjust(torch.tensor([0, 1]))["probe"].keys() == {"audio"}
