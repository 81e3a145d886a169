"""Every fusion: its formula, a modality's own logits by its named rule, and every method on it."""

import pytest
import torch

import small
from asgml.lab.errors import InputError
from asgml.lab.fusions import FUSIONS as KINDS
from asgml.lab.fusions._module import build_fusion
from asgml.lab.fusions.concat import Concat
from asgml.lab.methods import METHODS
from asgml.lab.tasks.classification import Classification
from asgml.lab.training import evaluation, plan
from asgml.lab.training.cost import Meter
from asgml.lab.training.evaluation import Samples
from asgml.lab.training.loop import Trainer
from asgml.monitors import LossDescent, Score
from steps import step_of

TWO, THREE = ("audio", "visual"), ("audio", "visual", "text")
LABELS = torch.arange(5) % 3
OTHERS = [kind for kind in KINDS if kind != "concat"]


def build(fusion, modalities=TWO, feature_dim=8):
    torch.manual_seed(0)
    return build_fusion(KINDS.read(fusion), modalities, feature_dim, 3)


def features_of(modalities=TWO, rows=5, feature_dim=8):
    torch.manual_seed(1)
    return {m: torch.randn(rows, feature_dim) for m in modalities}


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "gated"])
def test_three_modalities(kind):
    fusion, features = build(kind, THREE), features_of(THREE)
    logits = fusion(features)
    assert logits.shape == (5, 3)
    for m in THREE:
        assert not torch.allclose(fusion(features | {m: features[m] + 1}), logits), f"{m} takes part"


def test_gating_three_is_refused():
    with pytest.raises(InputError, match="gated joins two modalities, found audio, visual, text; take concat, sum, film or"):
        build("gated", THREE)


def test_a_modality_that_film_does_not_have():
    with pytest.raises(InputError, match=r"`model.fusion.film.conditioned`: must be a modality, found 'text'"):
        build({"film": {"conditioned": "text"}})


@pytest.mark.parametrize("kind", KINDS)
def test_one_modality_has_nothing_to_fuse(kind):
    fusion = build(kind, ("audio",))
    assert isinstance(fusion.settings, Concat)
    assert torch.equal(fusion(features_of(("audio",))), fusion.head(features_of(("audio",))["audio"]))


def test_sum():
    fusion, x = build("sum"), features_of()
    assert torch.allclose(fusion(x), fusion.heads["audio"](x["audio"]) + fusion.heads["visual"](x["visual"]))


@pytest.mark.parametrize(("conditioned", "by", "on"), [(None, "audio", "visual"), ("audio", "visual", "audio")])
def test_film(conditioned, by, on):
    fusion, x = build({"film": {"conditioned": conditioned}}), features_of()
    weight, bias = fusion.modulate.weight, fusion.modulate.bias
    gamma, beta = x[by] @ weight[:8].T + bias[:8], x[by] @ weight[8:].T + bias[8:]
    assert torch.allclose(fusion(x), fusion.head(gamma * x[on] + beta), atol=1e-6)


def test_gated():
    fusion, x = build("gated"), features_of()
    gate = 1 / (1 + (-fusion.gate(x["audio"])).exp())
    assert torch.allclose(fusion(x), fusion.head(gate * fusion.value(x["visual"])), atol=1e-6)


def test_cross_attention():
    """One head by hand: tokens of two numbers, softmax over the other modality's tokens."""
    fusion, x = build({"cross_attention": {"tokens": 4, "heads": 1}}), features_of(rows=1)
    joined = []
    for m, other in (TWO, TWO[::-1]):
        mine, theirs, layer = x[m].reshape(4, 2), x[other].reshape(4, 2), fusion.attend[m]
        three = zip((mine, theirs, theirs), layer.in_proj_weight.chunk(3), layer.in_proj_bias.chunk(3), strict=True)
        q, k, v = (tokens @ weight.T + bias for tokens, weight, bias in three)
        heard = layer.out_proj((q @ k.T / 2**0.5).softmax(1) @ v)
        joined.append(torch.nn.functional.layer_norm(mine + heard, (2,)).flatten())
    assert torch.allclose(fusion(x), fusion.head(torch.cat(joined)[None]), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_modalitys_own_logits_follow_the_named_rule(kind):
    fusion, features = build(kind), features_of()
    score = fusion.unimodal(Score)
    assert score.kind == KINDS[kind].unimodal
    assert fusion.unimodal(LossDescent, window=4).kind == score.kind
    alone = score.unimodal(step_of(features, LABELS))
    if score.kind == "split":
        assert torch.allclose(sum(alone.values()), fusion(features), atol=1e-5)
    else:
        zeros = {m: torch.zeros_like(x) for m, x in features.items()}
        assert all(torch.equal(alone[m], fusion(zeros | {m: features[m]})) for m in TWO)
    with torch.no_grad():
        for parameter in fusion.parameters():
            parameter += 0.1
    assert not torch.allclose(score.unimodal(step_of(features, LABELS))["audio"], alone["audio"]), "by the weights of now"


ENTRIES = [
    {"ogm": {"alpha": 0.3}}, {"ogm_ge": {"alpha": 0.3}}, {"dual_signal": {"tau_base": 2}}, {"dgl": {}}, {"solo_sum": {}},
    {"adaptive": {"signal": "score", "threshold": 0.0}}, {"adaptive": {"signal": "loss_descent", "threshold": 0.0}},
    {"adaptive": {"signal": "generalisation_gap", "threshold": 0.0}}, {"modality_dropout": {"p": 0.3}}, {"boost": {}},
    {"frequency": {"modality": "audio", "k": 2}}, {"staleness": {"modality": "visual", "tau": 1}}, {"noise": {}},
    {"unimodal_loss": {"gamma": 1}}, {"alone": {"modality": "visual"}}, {"learning_rate": {"factor": 0.5}},
    {"frozen": {"modality": "audio"}}, {"random_side": {"k": 2}}, {"train_on_steer": {}}, {"longer": {"factor": 2}},
    {"auto": {}},
]  # fmt: skip


ROWS = Samples({m: torch.randn(12, 1, 4, 4) for m in TWO}, torch.arange(12) % 3)


def test_every_method_is_tried():
    assert {kind for entry in ENTRIES for kind in entry} == METHODS.keys()


@pytest.mark.parametrize("fusion", OTHERS)
def test_every_method_works_on_every_fusion(monkeypatch, fusion):
    monkeypatch.setattr(Meter, "of", lambda model, *_: Meter(0, dict.fromkeys(model.encoders, 0)))  # counting takes time
    for entry in ENTRIES:
        cell = small.cell([entry], model={"fusion": fusion}, steer=0.2, batch_size=6)
        made = plan.make(cell, TWO)
        rows = Samples({m: ROWS.inputs[m] for m in made.modalities}, ROWS.labels)
        trainer = Trainer.make(cell, made, rows, Classification(3), ROWS)
        before = [p.detach().clone() for p in trainer.model.encoders.parameters()]
        for batch in range(2):
            trainer.run_step(*rows.rows(slice(6 * batch, 6 * batch + 6)))
        assert any(not torch.equal(p, q) for p, q in zip(trainer.model.encoders.parameters(), before, strict=True)), entry
        kept = evaluation.predictions(
            trainer.model, trainer.objective, evaluation.encode(trainer.model, rows, trainer.objective)
        )
        assert len(kept) == 1 + len(made.modalities), entry
        assert all(logits.shape == (12, 3) and logits.isfinite().all() for logits in kept.values()), entry


@pytest.mark.parametrize("fusion", OTHERS)
def test_disentangled_encoders_learn_from_their_own_logits_alone(fusion):
    """DGL: no gradient of the fused loss reaches a feature, none of the unimodal losses the fusion."""
    cell = small.cell([{"dgl": {}}], model={"fusion": fusion})
    made = plan.make(cell, TWO)
    trainer = Trainer.make(cell, made, ROWS, Classification(3))
    _, features = trainer.model(ROWS.inputs)
    features = {m: x.detach().requires_grad_() for m, x in features.items()}
    trainer.objective(torch.zeros(12, 3), features, ROWS.labels).backward()
    fused = {name: p.grad.clone() for name, p in trainer.model.fusion.named_parameters()}
    trainer.model.fusion.zero_grad()
    loss = torch.nn.functional.cross_entropy
    loss(trainer.model.fused({m: x.detach() for m, x in features.items()}), ROWS.labels).backward()
    assert all(torch.allclose(p.grad, fused[name]) for name, p in trainer.model.fusion.named_parameters())
    for m, x in features.items():
        alone = x.detach().requires_grad_()
        others = {n: torch.zeros_like(y) for n, y in features.items()} | {m: alone}
        loss(trainer.model.fusion(others), ROWS.labels).backward()
        assert torch.allclose(x.grad, alone.grad, atol=1e-7)
