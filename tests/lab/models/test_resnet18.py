"""ResNet-18: torchvision's names, sizes and numbers, its weights from a file, and what a skip means to its BatchNorm."""

import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

from asgml import Balancer, Recipe, recipes
from asgml.lab.config import Model
from asgml.lab.encoders._resnet import ResNet18Net as ResNet18
from asgml.lab.encoders._torchvision_weights import load_trunk
from asgml.lab.errors import InputError
from asgml.lab.models.late_fusion import LateFusion


@pytest.fixture(scope="module")
def pretrained():
    """A ResNet-18 as torchvision saves it: three channels, a classifier for 1,000 classes."""
    torch.manual_seed(3)
    return ResNet18((3, 8, 8), 1000)


def names():
    """Every name and shape of torchvision's resnet18, written out from its definition."""
    norm = lambda name, c: (
        {f"{name}.{part}": (c,) for part in ("weight", "bias", "running_mean", "running_var")}
        | {f"{name}.num_batches_tracked": ()}
    )
    found = {"conv1.weight": (64, 3, 7, 7)} | norm("bn1", 64)
    for stage, (inside, outside) in enumerate([(64, 64), (64, 128), (128, 256), (256, 512)], 1):
        for block, first in enumerate([inside, outside]):
            at = f"layer{stage}.{block}"
            found |= {f"{at}.conv1.weight": (outside, first, 3, 3)} | norm(f"{at}.bn1", outside)
            found |= {f"{at}.conv2.weight": (outside, outside, 3, 3)} | norm(f"{at}.bn2", outside)
            if first != outside:
                found |= {f"{at}.downsample.0.weight": (outside, first, 1, 1)} | norm(f"{at}.downsample.1", outside)
    return found | {"fc.weight": (1000, 512), "fc.bias": (1000,)}


def test_resnet18_has_torchvisions_names_and_size(pretrained):
    state = {name: tuple(x.shape) for name, x in pretrained.state_dict().items()}
    assert len(state) == 122
    assert state == names()
    assert list(state) == [*names()], "in torchvision's order"
    assert sum(p.numel() for p in pretrained.parameters()) == 11_689_512
    trunk = sum(p.numel() for name, p in pretrained.named_parameters() if not name.startswith("fc."))
    assert trunk == 11_176_512


def test_the_trunks_feature_is_handed_over_as_it_is_where_sizes_agree():
    assert sum(p.numel() for p in ResNet18((3, 8, 8), 32, width=4).parameters() if p.ndim == 2) == 0
    assert ResNet18((3, 8, 8), 6, width=4).fc.weight.shape == (6, 32)


def plainly(state, x):
    """ResNet-18 in eval mode by functions alone."""
    f = torch.nn.functional

    def norm(x, name):
        return f.batch_norm(x, *(state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")))

    x = f.max_pool2d(norm(f.conv2d(x, state["conv1.weight"], stride=2, padding=3), "bn1").relu(), 3, 2, 1)
    for at in [f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)]:
        stride = 2 if f"{at}.downsample.0.weight" in state else 1
        y = norm(f.conv2d(x, state[f"{at}.conv1.weight"], stride=stride, padding=1), f"{at}.bn1").relu()
        y = norm(f.conv2d(y, state[f"{at}.conv2.weight"], padding=1), f"{at}.bn2")
        if stride == 2:
            x = norm(f.conv2d(x, state[f"{at}.downsample.0.weight"], stride=2), f"{at}.downsample.1")
        x = (x + y).relu()
    return f.linear(f.adaptive_avg_pool2d(x, 1).flatten(1), state["fc.weight"], state["fc.bias"])


def test_resnet18_computes_what_a_transcription_does(pretrained):
    pretrained.train()(torch.randn(4, 3, 40, 33))  # statistics other than 0 and 1
    x = torch.randn(2, 3, 40, 33)
    with torch.no_grad():
        assert torch.allclose(pretrained.eval()(x), plainly(pretrained.state_dict(), x), atol=1e-4)


@pytest.mark.parametrize(("suffix", "channels"), [(".pth", 1), (".safetensors", 3)])
def test_weights_from_a_file(tmp_path, pretrained, suffix, channels):
    file = tmp_path / f"weights{suffix}"
    save_file(pretrained.state_dict(), file) if suffix == ".safetensors" else torch.save(pretrained.state_dict(), file)
    encoder = ResNet18((channels, 16, 16), 512, file).eval()
    x = torch.randn(2, channels, 16, 16)
    trunk = plainly(
        {**pretrained.state_dict(), "fc.weight": torch.eye(512), "fc.bias": torch.zeros(512)}, x.expand(-1, 3, -1, -1)
    )
    with torch.no_grad():
        assert torch.allclose(encoder(x), trunk, atol=1e-4), "a grey channel is seen as three equal ones"


def empty(state):
    """The same names and shapes, all zeros, in a file of a few kilobytes."""
    return {name: torch.zeros(()).expand(x.shape) for name, x in state.items()}


def test_two_channels_share_the_kernels(tmp_path, pretrained):
    torch.save(empty(pretrained.state_dict()) | {"conv1.weight": pretrained.conv1.weight.detach()}, tmp_path / "w.pth")
    encoder = ResNet18((2, 16, 16), 512, tmp_path / "w.pth")
    half = pretrained.conv1.weight.sum(1) / 2
    assert torch.equal(encoder.conv1.weight[:, 0], half)
    assert torch.equal(encoder.conv1.weight[:, 1], half)


def spoilt(state, what):
    if what == "missing":
        del state["layer1.0.bn1.bias"]
    elif what == "unknown":
        state["head.weight"] = torch.zeros(1)
    elif what == "shape":
        state["layer1.0.conv1.weight"] = torch.zeros(64, 64, 1, 1)
    return {"model": state} if what == "nested" else state


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("missing", r"missing: \['layer1.0.bn1.bias'\] \(1 in all\)"),
        ("unknown", r"unknown: \['head.weight'\] \(1 in all\)"),
        ("shape", r"layer1.0.conv1.weight must have shape \(64, 64, 3, 3\), found \(64, 64, 1, 1\)"),
        ("nested", "must hold a state dict, parameter name -> tensor, found dict"),
        ("absent", "cannot be read as a state dict: FileNotFoundError"),
        ("cut", "cannot be read as a state dict: it is cut off or damaged, or holds more than tensors; get the file anew"),
    ],
)
def test_wrong_weights_are_refused(tmp_path, pretrained, what, words):
    if what != "absent":
        torch.save(spoilt(empty(pretrained.state_dict()), what), tmp_path / "w.pth")
    if what == "cut":
        (tmp_path / "w.pth").write_bytes((tmp_path / "w.pth").read_bytes()[:900])
    with pytest.raises(InputError, match=rf"weights .*w.pth.*{words}"):
        load_trunk(pretrained, tmp_path / "w.pth")


MODEL = Model.model_validate({"encoders": {m: {"resnet18": {"width": 4}} for m in ("audio", "visual")}, "feature_dim": 8})


def batch(step):
    generator = torch.Generator().manual_seed(step)
    return {m: torch.randn(6, c, 9, 8, generator=generator) for m, c in (("audio", 1), ("visual", 3))}, torch.arange(6) % 3


class Run:
    """Two ResNets, fused, in a plain loop with a Balancer."""

    def __init__(self, recipe):
        self.model = LateFusion(batch(0)[0], MODEL, 3, seed=0)
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.05, 0.9, weight_decay=1e-3)
        self.balancer = recipe and Balancer(dict(self.model.encoders.items()), recipe)
        self.parts = [self.model, self.optimizer, *([self.balancer] if self.balancer else [])]

    def step(self, n):
        inputs, targets = batch(n)
        cross_entropy(self.model(inputs)[0], targets).backward()
        if self.balancer:
            self.balancer.adjust(targets)
        grads = {name: p.grad is not None for name, p in self.model.named_parameters()}
        self.optimizer.step()
        self.optimizer.zero_grad()
        return grads

    def state(self, part=""):
        return {n: x.clone() for n, x in self.model.state_dict().items() if n.startswith(part)}


def alike(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def test_a_balancer_that_does_nothing_changes_no_bit():
    plain, watched = Run(None), Run(Recipe())
    for n in range(3):
        plain.step(n), watched.step(n)
    assert alike(plain.state(), watched.state())


def test_a_skipped_encoder_keeps_its_weights_while_its_statistics_move():
    run, at = Run(recipes.frequency("audio", 2)), "encoders.audio."
    run.step(0)
    before, other = run.state(at), run.state("encoders.visual.")
    grads = run.step(1)
    assert not any(has for name, has in grads.items() if name.startswith(at)), "None, not zeros"
    assert all(has for name, has in grads.items() if not name.startswith(at))
    after = run.state(at)
    moved = {name.rpartition(".")[2] for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"running_mean", "running_var", "num_batches_tracked"}, "no step, no momentum, no decay; the forward ran"
    assert not alike(run.state("encoders.visual."), other)


def test_the_other_encoder_is_as_if_nobody_were_skipped():
    """At the first skip: before any weight differs, the other encoder and the fusion make the plain step."""
    skipping, plain = Run(recipes.frequency("audio", 2)), Run(None)
    for n in range(2):
        skipping.step(n), plain.step(n)
    for part in ("encoders.visual.", "fusion."):
        assert alike(skipping.state(part), plain.state(part))
    assert not alike(skipping.state("encoders.audio."), plain.state("encoders.audio."))


@pytest.mark.parametrize("stop", [1, 2])
def test_resume_is_bit_exact(stop):
    whole, first, second = (Run(recipes.frequency("audio", 2) + recipes.staleness("visual", 1)) for _ in range(3))
    for n in range(4):
        whole.step(n)
    for n in range(stop):
        first.step(n)
    for old, new in zip(first.parts, second.parts, strict=True):
        new.load_state_dict(old.state_dict())
    for n in range(stop, 4):
        second.step(n)
    assert alike(whole.state(), second.state())
