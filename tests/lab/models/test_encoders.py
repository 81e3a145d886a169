"""Every encoder: one step of training beside every fusion, its size, its padding, its weights, and what it refuses."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from asgml.lab.config import Model
from asgml.lab.encoders import ENCODERS as KINDS
from asgml.lab.encoders import _base
from asgml.lab.encoders._layers import Frames
from asgml.lab.encoders._module import build_encoder
from asgml.lab.encoders.bag_of_words import BagOfWords
from asgml.lab.errors import InputError
from asgml.lab.fusions import FUSIONS
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
    return build_encoder("m", KINDS.read({kind: settings}), shape, feature_dim, is_text=is_text)


def test_every_kind_is_tried():
    assert SETTINGS.keys() == KINDS.keys()


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
    bag = BagOfWords(separator=ord(" "), buckets=2**14)
    encoder = bag.build((20,), 8)

    def words(text):
        return bag.words(encoder, torch.tensor([[0] * 20, [ord(c) for c in text.ljust(20, "\0")]]))

    rows, hashed = words("a cat saw a tac ab")
    assert rows.tolist() == [1] * 6
    a, cat, saw, again, tac, ab = hashed.tolist()
    assert a == again
    assert len({a, cat, saw, tac, ab}) == 5
    assert sorted(words(" ab  tac a saw cat a")[1].tolist()) == sorted(hashed.tolist())


def test_a_bag_of_ids_is_the_mean_of_their_embeddings():
    encoder = BagOfWords(buckets=16).build((4,), 8)
    bag = encoder(torch.tensor([[3, 5, 0, 0], [0, 0, 0, 0], [5, 3, 0, 0], [5, 5, 5, 2]]))
    assert torch.allclose(bag[0], encoder.embed.weight[[3, 5]].mean(0))
    assert torch.equal(bag[0], bag[2])
    assert torch.equal(bag[1], torch.zeros(8))
    assert torch.allclose(bag[3], encoder.embed.weight[[5, 5, 5, 2]].mean(0))


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


def test_what_is_missing_is_seen_before_anything_runs(tmp_path, monkeypatch):
    vit = Model.model_validate({"encoders": {"m": {"vit": {"folder": str(tmp_path / "none")}}}}).encoders["m"]
    with pytest.raises(InputError, match=r"`model.encoders.m.vit.folder`: .*none does not exist; give a local folder"):
        vit.check("m")
    monkeypatch.setattr(_base, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"`model.encoders.m.vit`: needs the package transformers: pip install"):
        KINDS.read("vit").check("m")


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
    ("sample", "kind"), [("text", "char_cnn"), ("vector", "mlp"), ("sequence", "mlp"), ("image", "cnn"), ("frames", "cnn")]
)
def test_where_none_is_named(sample, kind):
    x = SAMPLES[sample]()
    made = build_encoder("m", None, x.shape[1:], 8, is_text=not x.is_floating_point())
    assert isinstance(made, Frames) == (sample == "frames")
    assert (made.encoder if sample == "frames" else made).settings.kind == kind
