"""Encoders and late fusion: shapes, starts, unimodal logits by their named rule, and what does not fit."""

import pytest
import torch

from asgml.lab.config import Model
from asgml.lab.encoders import ENCODERS
from asgml.lab.encoders._module import build_encoder
from asgml.lab.encoders.char_cnn import CharCnn
from asgml.lab.errors import InputError
from asgml.lab.models.late_fusion import LateFusion

SAMPLES = {"audio": torch.randn(5, 1, 12, 9), "visual": torch.randn(5, 3, 8, 8), "text": torch.randint(0, 27, (5, 7))}
MODEL = Model(feature_dim=6)


def fusion(names, seed=0):
    return LateFusion({m: SAMPLES[m] for m in names}, MODEL, 4, seed)


@pytest.mark.parametrize("names", [("audio",), ("audio", "visual"), ("audio", "visual", "text")])
def test_logits_and_features(names):
    model = fusion(names)
    logits, features = model({m: SAMPLES[m] for m in names})
    assert logits.shape == (5, 4)
    assert {m: f.shape for m, f in features.items()} == dict.fromkeys(names, (5, 6))
    assert model.encoders["audio"].settings.kind == "cnn"
    assert all((f >= 0).all() for f in features.values())


def test_an_encoder_starts_alike_whoever_stands_beside_it():
    one, three, other = fusion(["visual"]), fusion(["audio", "visual", "text"]), fusion(["visual"], seed=1)
    for p, q, r in zip(*[m.encoders["visual"].parameters() for m in (one, three, other)], strict=True):
        assert torch.equal(p, q)
        assert not torch.equal(p, r)


def test_zero_feature_logits_keep_the_full_bias():
    model = fusion(["audio", "visual"])
    logits, features = model({m: SAMPLES[m] for m in ("audio", "visual")})
    total = sum(model.zero_feature_logits(features, m) for m in features)
    assert torch.allclose(total, logits + model.fusion.head.bias, atol=1e-6), "so they do not add up to the fused logits"


def test_padding_does_not_reach_the_text_feature():
    encoder = CharCnn().build((7,), 6)
    short, padded = torch.tensor([[3, 4, 5, 0, 0]]), torch.tensor([[3, 4, 5, 0, 0, 0, 0, 0]])
    assert torch.allclose(encoder(short), encoder(padded))


@pytest.mark.parametrize(
    ("name", "shape", "is_text"), [("char_cnn", (1, 8, 8), False), ("cnn", (7,), True), ("cnn", (1, 2, 8), False)]
)
def test_an_encoder_that_does_not_fit_is_refused(name, shape, is_text):
    with pytest.raises(InputError, match=f"`model.encoders.audio`: '{name}' does not fit samples of shape"):
        build_encoder("audio", ENCODERS.read(name), shape, 6, is_text=is_text)


def test_ones_own_encoder(tmp_path, monkeypatch):
    (tmp_path / "my_encoders.py").write_text(
        "import torch\n"
        "class Flat(torch.nn.Sequential):\n"
        "    def __init__(self, shape, feature_dim, bias):\n"
        "        width = shape[0] * shape[1] * shape[2]\n"
        "        super().__init__(torch.nn.Flatten(), torch.nn.Linear(width, feature_dim, bias=bias))\n"
        "def nothing(shape, feature_dim): return None\n"
    )
    monkeypatch.chdir(tmp_path)
    model = Model.model_validate({"encoders": {"visual": {"import": "my_encoders:Flat", "bias": False}}, "feature_dim": 6})
    encoder = build_encoder("visual", model.encoders["visual"], (3, 8, 8), 6, is_text=False)
    assert encoder(SAMPLES["visual"]).shape == (5, 6)
    assert encoder[1].bias is None
    model = Model.model_validate({"encoders": {"visual": {"import": "my_encoders:nothing"}}})
    with pytest.raises(InputError, match=r"must return an nn\.Module, found NoneType"):
        build_encoder("visual", model.encoders["visual"], (3, 8, 8), 6, is_text=False)
