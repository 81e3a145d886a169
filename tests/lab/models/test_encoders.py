"""Every encoder: one step of training beside every fusion, its size, its padding, its weights, and what it refuses."""

import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

from asgml.lab.config import Model
from asgml.lab.config.encoders import BUILT_IN as KINDS
from asgml.lab.config.fusions import BUILT_IN as FUSIONS
from asgml.lab.errors import InputError
from asgml.lab.models.encoders import BUILT_IN, build_encoder
from asgml.lab.models.encoders.bag_of_words import BagOfWords
from asgml.lab.models.encoders.frames import Frames
from asgml.lab.models.encoders.resnet18 import ResNet18
from asgml.lab.models.encoders.torchvision_weights import load_trunk
from asgml.lab.models.late_fusion import LateFusion

ATTENTION = {"hidden": 8, "layers": 1, "heads": 2}
SETTINGS = {
    "cnn": {},
    "resnet18": {"width": 4},
    "vit": {"patch": 16, **ATTENTION},
    "efficientnet": {"width": 0.1, "depth": 0.1},
    "ast": {"patch": 16, "stride": 16, **ATTENTION},
    "char_cnn": {},
    "bag_of_words": {"buckets": 32},
    "bert": ATTENTION,
    "mlp": {"hidden": 4},
    "transformer": ATTENTION,
}
SAMPLES = {
    "text": lambda: torch.randint(1, 27, (4, 6)),
    "vector": lambda: torch.randn(4, 5),
    "sequence": lambda: torch.randn(4, 3, 5),
    "image": lambda: torch.randn(4, 1, 32, 32),
    "frames": lambda: torch.randn(4, 2, 1, 32, 32),
}
CASES = [(kind, settings.takes[0], fusion) for kind, settings in KINDS.items() for fusion in FUSIONS] + [
    (kind, sample, "concat") for kind, settings in KINDS.items() for sample in settings.takes[1:]
]


def build(kind, shape, feature_dim=8, is_text=False, **settings):
    model = Model.model_validate({"encoders": {"m": {kind: settings}}, "feature_dim": feature_dim})
    return build_encoder("m", model, shape, is_text)


def test_every_kind_is_tried():
    assert SETTINGS.keys() == KINDS.keys() == BUILT_IN.keys()


@pytest.mark.parametrize(("kind", "sample", "fusion"), CASES)
def test_every_encoder_trains_a_step_with_every_fusion(kind, sample, fusion):
    torch.manual_seed(0)
    inputs = {"other": torch.randn(4, 5), "mine": SAMPLES[sample]()}
    model = LateFusion(
        inputs,
        Model.model_validate({"encoders": {"mine": {kind: SETTINGS[kind]}}, "fusion": fusion, "feature_dim": 8}),
        3,
        seed=0,
    )
    logits, features = model(inputs)
    assert logits.shape == (4, 3)
    assert features["mine"].shape == (4, 8)
    assert features["mine"].dtype == torch.float32
    cross_entropy(logits, torch.tensor([0, 1, 2, 0])).backward()
    assert {name for name, p in model.named_parameters() if p.grad is None} == set(), "every parameter takes part"
    for part in (model.encoders["mine"], model.encoders["other"], model.fusion):
        assert any(p.grad.any() for p in part.parameters())
    for m in features:
        alone = model.zero_feature_logits(features, m)
        assert alone.shape == (4, 3)
        assert not torch.equal(alone[0], alone[1]), "it tells samples apart by this modality"
        others = {n: torch.randn_like(x) if n != m else x for n, x in features.items()}
        assert torch.equal(model.zero_feature_logits(others, m), alone), "and by no other"


@pytest.mark.parametrize("kind", ["cnn", "resnet18", "vit"])
def test_frames_are_encoded_one_by_one_and_averaged(kind):
    encoder = build(kind, (3, 2, 16, 16), **SETTINGS[kind]).eval()
    assert isinstance(encoder, Frames)
    x = torch.randn(2, 3, 2, 16, 16)
    each = torch.stack([encoder.encoder(x[:, t]) for t in range(3)]).mean(0)
    assert torch.allclose(encoder(x), each, atol=1e-5)


@pytest.mark.parametrize("kind", ["mlp", "transformer"])
def test_padding_changes_nothing(kind):
    torch.manual_seed(0)
    encoder = build(kind, (6, 5), **SETTINGS[kind]).eval()
    x = torch.randn(2, 6, 5)
    x[0, 4:] = 0
    x[0, 2] = 0  # a silent step within is no padding
    alone = encoder(x[:1])
    assert torch.allclose(encoder(x)[:1], alone, atol=1e-6)
    shorter = encoder(x[:1, :4]) if kind == "mlp" else alone
    assert torch.allclose(shorter, alone, atol=1e-6)
    moved = x.clone()
    moved[0, 2] = 1.0
    assert not torch.allclose(encoder(moved)[0], alone[0], atol=1e-4)
    assert encoder(torch.zeros(1, 6, 5)).isfinite().all()


def test_a_transformer_sees_no_padding():
    """What stands in the padded steps reaches nothing, not even through attention."""
    torch.manual_seed(0)
    encoder = build("transformer", (6, 5), **SETTINGS["transformer"]).eval()
    x = torch.randn(1, 6, 5)
    x[:, 3:] = 0
    plain = encoder(x)
    with torch.no_grad():
        encoder.positions[3:] += 5.0
    assert torch.equal(encoder(x), plain)


def test_bert_sees_no_padding():
    encoder = build("bert", (6,), is_text=True, **ATTENTION).eval()
    ids = torch.tensor([[3, 4, 0, 0, 0, 0]])
    plain = encoder(ids)
    with torch.no_grad():
        encoder.model.embeddings.word_embeddings.weight[0] += 5.0
    assert torch.allclose(encoder(ids), plain, atol=1e-6)


def test_a_bag_of_words_has_words_and_no_order():
    encoder = BagOfWords((20,), 8, separator=ord(" "), buckets=2**14)

    def words(text):
        return encoder.words(torch.tensor([[0] * 20, [ord(c) for c in text.ljust(20, "\0")]]))

    rows, hashed = words("a cat saw a tac ab")
    assert rows.tolist() == [1] * 6
    a, cat, saw, again, tac, ab = hashed.tolist()
    assert a == again
    assert len({a, cat, saw, tac, ab}) == 5
    assert sorted(words(" ab  tac a saw cat a")[1].tolist()) == sorted(hashed.tolist())


def test_a_bag_of_ids_is_the_mean_of_their_embeddings():
    encoder = BagOfWords((4,), 8, separator=None, buckets=16)
    bag = encoder(torch.tensor([[3, 5, 0, 0], [0, 0, 0, 0], [5, 3, 0, 0], [5, 5, 5, 2]]))
    assert torch.allclose(bag[0], encoder.embed.weight[[3, 5]].mean(0))
    assert torch.equal(bag[0], bag[2])
    assert torch.equal(bag[1], torch.zeros(8))
    assert torch.allclose(bag[3], encoder.embed.weight[[5, 5, 5, 2]].mean(0))


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
    encoder = build("resnet18", (channels, 16, 16), 512, weights=str(file)).eval()
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
    encoder = build("resnet18", (2, 16, 16), 512, weights=str(tmp_path / "w.pth"))
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
    ],
)
def test_wrong_weights_are_refused(tmp_path, pretrained, what, words):
    if what != "absent":
        torch.save(spoilt(empty(pretrained.state_dict()), what), tmp_path / "w.pth")
    with pytest.raises(InputError, match=rf"weights .*w.pth.*{words}"):
        load_trunk(pretrained, tmp_path / "w.pth")


def test_a_refusal_says_where_the_setting_is(tmp_path):
    with pytest.raises(InputError, match=r"`model.encoders.m.resnet18`: weights .* cannot be read"):
        build("resnet18", (3, 16, 16), weights=str(tmp_path / "w.pth"))


@pytest.mark.parametrize(
    ("kind", "shape", "settings"),
    [("vit", (1, 32, 32), {"patch": 16, **ATTENTION}), ("bert", (6,), ATTENTION), ("ast", (1, 16, 16), SETTINGS["ast"])],
)
def test_a_local_folder(tmp_path, kind, shape, settings):
    torch.manual_seed(0)
    text = kind == "bert"
    built = build(kind, shape, is_text=text, **settings)
    built.model.save_pretrained(tmp_path / "saved")
    read = build(kind, shape, is_text=text, folder=str(tmp_path / "saved"))
    assert read.training
    x = torch.randint(1, 9, (2, *shape)) if text else torch.randn(2, *shape)
    assert torch.allclose(read.eval()(x), built.eval()(x), atol=1e-6)
    other = "bert" if kind != "bert" else "vit"
    with pytest.raises(InputError, match=rf"`model.encoders.m.{other}`: folder .* (holds no|must hold a)"):
        build(other, (6,) if other == "bert" else (1, 32, 32), is_text=other == "bert", folder=str(tmp_path / "saved"))
    with pytest.raises(InputError, match=r"must hold a model that transformers saved, with a config.json, found none"):
        build(kind, shape, is_text=text, folder=str(tmp_path))


def test_transformers_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(
        InputError, match=r"`model.encoders.m.vit`: ViT needs the package transformers \(pip install 'asgml\[enc"
    ):
        build("vit", (1, 32, 32))


@pytest.mark.parametrize(
    ("kind", "shape", "words"),
    [
        ("mlp", (1, 8, 8), "which are image; it takes sequence or vector"),
        ("ast", (2, 1, 32, 32), "which are frames; it takes image"),
        ("vit", (1, 32, 8), "height and width must be at least the patch's, 16"),
        ("efficientnet", (1, 32, 31), "height and width must be at least 32"),
        ("ast", (3, 32, 32), "it takes one channel of at least 16 x 16 bins"),
        ("cnn", (2, 1, 3, 9), "height and width must be at least 4"),
    ],
)
def test_samples_that_do_not_fit(kind, shape, words):
    with pytest.raises(InputError, match=rf"`model.encoders.m`: '{kind}' does not fit samples of shape .*{words}"):
        build(kind, shape)


@pytest.mark.parametrize(
    ("sample", "kind"), [("text", "CharCnn"), ("vector", "Mlp"), ("sequence", "Mlp"), ("image", "Cnn"), ("frames", "Frames")]
)
def test_where_none_is_named(sample, kind):
    x = SAMPLES[sample]()
    assert type(build_encoder("m", Model(), x.shape[1:], not x.is_floating_point())).__name__ == kind
