"""The whole examination, on models whose truth is planted and exact."""

import json

import pytest
import torch
from torch import nn

import asgml
import toy
from asgml import Balancer, recipes
from planted import CLASSES, Planted, samples
from toy import identical


def examined(weights, known, *, held=None, **options):
    model = Planted(weights)
    options = {"bootstrap": 50} | options
    return asgml.diagnose(model, dict(model.encoders), samples(known), held or samples(known, 90, 3, seed=1), **options)


def number(found, modality, name):
    return found.each[modality][name].value


def test_a_modality_that_the_fusion_ignores_contributes_exactly_nothing():
    found = examined({"audio": 1.0, "visual": 0.0}, {"audio": 1.0, "visual": 1.0})
    for name in ("permuting", "zeroing", "shapley"):
        assert found.each["visual"][name] == (0, 0, 0), name
    assert number(found, "visual", "only") == pytest.approx(1 / CLASSES), "all logits are 0: the first class"
    assert number(found, "visual", "probe") == 1
    assert {m: v.kind for m, v in found.verdicts.items()} == {"audio": "balanced", "visual": "ignored"}
    assert found.verdicts["visual"].sure == 1
    assert "the fusion ignores it" in found.verdicts["visual"].sentence
    assert not found.balanced


def test_the_one_that_counts_loses_what_chance_does_not_give_back():
    found = examined({"audio": 1.0, "visual": 0.0}, {"audio": 1.0, "visual": 1.0}, permutations=40)
    assert number(found, "audio", "zeroing") == pytest.approx(2 / 3)
    assert number(found, "audio", "permuting") == pytest.approx(2 / 3, abs=0.03)
    assert number(found, "audio", "shapley") == pytest.approx(2 / 3)


@pytest.mark.parametrize("modalities", [("a", "b"), ("a", "b", "c"), ("a", "b", "c", "d")])
def test_shapley_values_add_up_to_what_the_whole_is_better_than_nothing(modalities):
    known = dict(zip(modalities, (0.9, 0.7, 0.5, 0.3), strict=False))
    found = examined(dict.fromkeys(modalities, 1.0), known)
    whole = found.whole["accuracy"].value - 1 / 3  # all zeros: the first of three classes, each as frequent
    assert sum(number(found, m, "shapley") for m in modalities) == pytest.approx(whole)


def test_five_modalities_have_no_shapley_value_and_the_note_says_so():
    found = examined(dict.fromkeys("abcde", 1.0), dict.fromkeys("abcde", 0.8))
    assert not any("shapley" in numbers for numbers in found.each.values())
    assert any("up to 4 modalities, here are 5" in note for note in found.notes)
    assert all({"zeroing", "only", "permuting"} <= numbers.keys() for numbers in found.each.values())


def test_alone_and_probe_tell_an_encoder_left_behind_from_poor_data():
    known = {"audio": 1.0, "visual": 0.4}
    behind = examined({"audio": 1.0, "visual": 0.3}, known, solo={"audio": 1.0, "visual": 0.95})
    assert behind.verdicts["visual"].kind == "left behind"
    assert "95.0 %" in behind.verdicts["visual"].sentence
    assert "recipes.frequency('audio', k=2)" in behind.verdicts["visual"].advice, "slow the other one"
    poor = examined({"audio": 1.0, "visual": 0.3}, known, solo={"audio": 1.0, "visual": 0.6})
    assert poor.verdicts["visual"].kind == "poor data"
    unknown = examined({"audio": 1.0, "visual": 0.3}, known)
    assert unknown.verdicts["visual"].kind == "behind, cause unknown"
    assert any("no unimodal reference for audio, visual" in note for note in unknown.notes)


def test_noise_and_learning_by_heart_have_verdicts_of_their_own():
    known = {"audio": 1.0, "visual": 0.0}
    noise = examined({"audio": 1.0, "visual": 0.3}, known, solo={"audio": 1.0, "visual": 0.34})
    assert noise.verdicts["visual"].kind == "no information"
    model = Planted({"audio": 1.0, "visual": 0.5})
    seen, new = samples({"audio": 1.0, "visual": 1.0}), samples({"audio": 0.7, "visual": 0.4}, seed=1)
    found = asgml.diagnose(model, dict(model.encoders), seen, new, bootstrap=0, solo={"audio": 0.8, "visual": 0.6})
    assert found.verdicts["visual"].kind == "memorises"
    assert number(found, "visual", "memorised") == 1 - number(found, "visual", "probe")


def test_balanced_is_a_verdict():
    found = examined({"audio": 1.0, "visual": 1.01}, {"audio": 0.8, "visual": 0.8}, solo={"audio": 0.85, "visual": 0.85})
    assert found.balanced
    assert found.summary.startswith("Balanced: leave it alone (accuracy ")
    assert {v.advice for v in found.verdicts.values()} == {"leave it alone"}


def test_who_is_right_together_is_a_table_of_all_samples():
    found = examined({"audio": 1.0, "visual": 1.0}, {"audio": 0.8, "visual": 0.5})
    assert list(found.right) == ["audio+visual", "audio", "visual", "none"]
    assert sum(found.right.values()) == pytest.approx(1)
    assert found.right["audio+visual"] + found.right["audio"] == pytest.approx(number(found, "audio", "probe"))
    assert 1 - found.right["none"] == pytest.approx(found.whole["union"].value)


def test_a_reference_may_be_a_number_predictions_logits_or_a_model():
    held = samples({"audio": 0.8, "visual": 0.8}, 90, 3, seed=1)
    solo = Planted({"visual": 1.0}).train()
    logits = torch.cat([solo(inputs) for inputs, _ in held])
    labels = torch.cat([targets for _, targets in held])
    accuracy = (logits.argmax(1) == labels).double().mean().item()
    for reference in (accuracy, logits, logits.argmax(1), solo):
        found = examined({"audio": 1.0, "visual": 1.0}, {"audio": 0.8, "visual": 0.8}, held=held, solo={"visual": reference})
        assert number(found, "visual", "solo") == pytest.approx(accuracy)
        assert number(found, "visual", "left_behind") == pytest.approx(accuracy - number(found, "visual", "probe"))
        assert ("solo" in found.each["audio"]) is False
    assert solo.training, "its mode is put back"


def test_groups_are_resampled_as_a_whole():
    held = samples({"audio": 0.7, "visual": 0.7}, 90, 3, seed=1)
    numbers = iter(range(90))
    doubled = [({m: x.repeat(4, 1) for m, x in inputs.items()}, y.repeat(4)) for inputs, y in held]
    groups = [g for _, y in held for g in [[next(numbers) for _ in y]] * 4 for g in g]
    weights, known = {"audio": 1.0, "visual": 0.5}, {"audio": 0.7, "visual": 0.7}

    def width(**options):
        found = examined(weights, known, bootstrap=400, **options)
        return found.clusters, found.whole["accuracy"].high - found.whole["accuracy"].low

    (_, single), (_, naive), (clusters, grouped) = width(held=held), width(held=doubled), width(held=doubled, groups=groups)
    assert clusters == 90
    assert grouped == pytest.approx(single, rel=0.2), "four copies of a sample tell no more than it does"
    assert naive < 0.7 * grouped


def test_the_same_seed_gives_the_same_diagnosis_and_another_one_other_permutations():
    one, two, other = (examined({"audio": 1.0, "visual": 0.9}, {"audio": 0.8, "visual": 0.6}, seed=seed) for seed in (0, 0, 1))
    assert one == two
    assert one.each["audio"]["permuting"] != other.each["audio"]["permuting"]
    assert one.each["audio"]["shapley"].value == other.each["audio"]["shapley"].value


class Everything(toy.Toy):
    """With dropout, BatchNorm, a frozen part in eval mode, and gradients that wait."""

    def __init__(self):
        super().__init__(toy.THREE)
        self.norm, self.drop = nn.BatchNorm1d(CLASSES), nn.Dropout()

    def forward(self, inputs):
        return self.norm(self.drop(super().forward(inputs)))


def test_the_model_and_torch_are_as_they_were():
    model, data = Everything(), toy.batches(toy.THREE, 4)
    model.train()
    model.encoders["text"].eval()
    model(data[0][0]).sum().backward()
    balancer = Balancer(dict(model.encoders), recipes.frequency("audio", 2))
    waiting = toy.grads(model)
    before = ({k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state(), balancer.state_dict())
    modes = {name: part.training for name, part in model.named_modules()}
    found = asgml.diagnose(model, dict(model.encoders), data, data, bootstrap=20, balancer=balancer)
    assert identical(dict(model.state_dict()), before[0])
    assert torch.equal(torch.get_rng_state(), before[1])
    assert identical(balancer.state_dict(), before[2])
    assert identical(toy.grads(model), waiting)
    assert {name: part.training for name, part in model.named_modules()} == modes
    assert not any("forward" in vars(part) or part._forward_hooks for part in model.heads.values())
    assert all("forward" not in vars(encoder) for encoder in model.encoders.values())
    assert not any("updated_share" in numbers for numbers in found.each.values()), "no update was seen"


def test_the_mode_comes_back_after_an_error_too():
    model = Planted({"audio": 1.0, "visual": 1.0}).train()
    with pytest.raises(ValueError, match="`solo"):
        asgml.diagnose(
            model, dict(model.encoders), *[samples({"audio": 1.0, "visual": 1.0})] * 2, solo={"audio": torch.ones(3)}
        )
    assert all(part.training for part in model.modules())
    assert all("forward" not in vars(encoder) for encoder in model.encoders.values())


def test_updates_really_taken_are_the_balancers_count():
    run = toy.train(toy.TWO, recipes.frequency("audio", k=4), steps=8)
    held = toy.batches(toy.TWO, 3)
    found = asgml.diagnose(run.model, dict(run.model.encoders), held, held, balancer=run.balancer, bootstrap=0)
    assert found.each["audio"]["updated_share"] == (0.75, None, None)
    assert found.each["audio"]["skipped_share"].value == 0.25
    assert found.each["visual"]["updated_share"].value == 1


def test_gradient_shares_are_those_of_a_backward_pass():
    model, data = toy.Toy(toy.TWO).eval(), toy.batches(toy.TWO, 2)
    found = asgml.diagnose(model, dict(model.encoders), data, data, bootstrap=0)
    norms = dict.fromkeys(toy.TWO, 0.0)
    for inputs, labels in data:
        nn.functional.cross_entropy(model(inputs), labels).backward()
        for m in toy.TWO:
            gradients = [p.grad for p in model.encoders[m].parameters() if p.grad is not None]
            norms[m] += nn.utils.get_total_norm(gradients).item()
        model.zero_grad()
    for m in toy.TWO:
        assert number(found, m, "gradient_share") == pytest.approx(norms[m] / sum(norms.values()), rel=1e-5)
    for p in model.encoders["audio"].parameters():
        p.requires_grad_(False)
    frozen = asgml.diagnose(model, dict(model.encoders), data, data, bootstrap=0)
    assert "gradient_share" not in frozen.each["audio"]
    assert number(frozen, "visual", "gradient_share") == 1


@pytest.mark.parametrize(("pull", "share"), [(-3.0, 1.0), (1.0, 0.0)])
def test_conflict_is_between_the_fused_loss_and_the_modality_alone(pull, share):
    """Class 0 alone would have the encoder's output rise; where visual overshoots the other way, fused has it fall."""

    class Square(nn.Module):
        def __init__(self):
            super().__init__()
            self.audio, self.visual = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
            self.audio.weight.data.fill_(1.0)
            self.visual.weight.data.fill_(pull)

        def forward(self, inputs):
            h = self.audio(inputs["audio"]) + self.visual(inputs["visual"])
            return torch.cat([h * h, torch.zeros_like(h)], 1)

    model, labels = Square(), torch.tensor([0, 0, 0, 1])
    x = (labels == 0).float()[:, None]
    data = [({"audio": x, "visual": x}, labels)]
    found = asgml.diagnose(model, {"audio": model.audio, "visual": model.visual}, data, data, bootstrap=0)
    assert number(found, "audio", "conflict_share") == share


class Sequences(nn.Module):
    """Encoders that return tuples and dicts; a fusion over time; a batch that is a dict."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.audio, self.text = Steps(4), Tokens()
        self.head = nn.Linear(10, CLASSES)

    def forward(self, batch):
        sound, _ = self.audio(batch["sound"])
        words = self.text(batch["words"])
        kept = words["states"] * words["mask"][..., None]
        return self.head(torch.cat([sound.mean(1), kept.sum(1)], 1))


class Steps(nn.GRU):
    """(B, T, 4) -> ((B, T, 5), (1, B, 5))."""

    def __init__(self, width):
        super().__init__(width, 5, batch_first=True)


class Tokens(nn.Module):
    """(B, T) -> states and a mask."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(6, 5)

    def forward(self, ids):
        return {"states": self.embed(ids), "mask": ids > 0}


def test_sequences_of_any_length_in_dict_batches():
    model, g = Sequences(), torch.Generator().manual_seed(0)
    lengths = (3, 5, 3, 4)
    data = [
        {
            "sound": torch.randn(6, t, 4, generator=g),
            "words": torch.randint(6, (6, t), generator=g),
            "labels": torch.arange(6) % CLASSES,
        }
        for t in lengths
    ]
    encoders = {"audio": model.audio, "text": model.text}
    found = asgml.diagnose(
        model,
        encoders,
        data,
        data,
        forward=lambda model, batch: (model(batch), batch["labels"]),
        features={"audio": lambda output: output[0], "text": lambda output: output["states"]},
        bootstrap=10,
    )
    assert found.samples == 24
    assert {"permuting", "zeroing", "shapley", "gradient_share"} <= found.each["text"].keys()


def test_to_dict_is_json_and_print_has_every_number():
    found = examined({"audio": 1.0, "visual": 0.0}, {"audio": 0.9, "visual": 0.9}, solo={"visual": 0.8})
    read = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert read["modalities"]["visual"]["permuting"] == {"value": 0, "low": 0, "high": 0}
    assert read["verdicts"]["visual"]["kind"] == "ignored"
    assert read["whole"]["accuracy"]["value"] == found.whole["accuracy"].value
    text = str(found)
    assert f"{100 * found.whole['accuracy'].value:.1f}" in text.splitlines()[0]
    assert "lost by permuting it" in text
    assert "visual: ignored (the same in 100 % of resamples). A probe of its encoder reaches" in text
    assert "Note: no balancer was given" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoders": {}}, "`encoders` must name at least one"),
        ({"encoders": {"audio": "encoders.*"}}, r"`encoders\['audio'\]` must be an nn.Module"),
        ({"encoders": {"audio": nn.Linear(3, 3)}}, r"\['audio'\] were never called"),
        ({"train_loader": []}, "`train_loader` must hold at least one batch"),
        ({"val_loader": []}, "`val_loader` must hold at least one batch"),
        ({"solo": {"smell": 0.5}}, r"`solo` names \['smell'\]"),
        ({"solo": {"audio": 80}}, r"`solo\['audio'\]` must be an accuracy \(0-1\).*found 80"),
        ({"features": {"smell": len}}, r"`features` names \['smell'\]"),
        ({"features": {"audio": lambda output: 3}}, "the feature of encoder 'audio' must be a tensor, found int"),
        ({"groups": [1, 2]}, "`groups` must name the group of each of the 120 held-out samples.*found 2"),
        ({"permutations": 0}, "`permutations` must be 1 or more.*found 0 and 1000"),
        ({"forward": lambda model, batch: model(batch[0])}, "must give logits.*found a tensor of shape"),
        ({"val_loader": [{"x": 1}]}, r"a batch must be \(inputs, targets\), found dict"),
    ],
)
def test_errors_say_what_to_do(change, words):
    model, data = Planted({"audio": 1.0, "visual": 1.0}), samples({"audio": 1.0, "visual": 1.0})
    arguments = {"encoders": dict(model.encoders), "train_loader": data, "val_loader": data} | change
    with pytest.raises((ValueError, TypeError), match=words):
        asgml.diagnose(model, **arguments)


def test_an_encoder_that_is_called_twice_is_refused():
    model = Planted({"audio": 1.0, "visual": 1.0})
    model.encoders["visual"] = model.encoders["audio"]
    data = samples({"audio": 1.0, "visual": 1.0})
    with pytest.raises(ValueError, match="'audio' is called more than once in a forward"):
        asgml.diagnose(model, {"audio": model.encoders["audio"]}, data, data)


def test_an_encoder_that_no_gradient_reaches_has_none():
    model, data = toy.Toy(toy.TWO), toy.batches(toy.TWO, 2)
    model.encoders["audio"].register_forward_hook(lambda *call: call[2].detach())
    found = asgml.diagnose(model, dict(model.encoders), data, data, bootstrap=0)
    assert number(found, "audio", "gradient_share") == number(found, "audio", "conflict_share") == 0
    assert number(found, "visual", "gradient_share") == 1


def test_a_reference_that_did_not_learn_says_nothing_of_the_data():
    found = examined({"audio": 1.0, "visual": 1.0}, {"audio": 1.0, "visual": 0.9}, solo={"audio": 1.0, "visual": 0.34})
    assert found.verdicts["visual"].kind == "reference did not learn"
    assert "hold nothing" not in str(found)


def test_few_updates_and_a_fusion_that_has_not_learnt_are_said_first():
    known = {"audio": 0.9, "visual": 0.9}
    trained = Planted({"audio": 1.0, "visual": 1.0})
    balancer = Balancer(dict(trained.encoders))
    for updates, said in ((30, True), (150, False)):
        balancer.index = updates
        found = asgml.diagnose(trained, dict(trained.encoders), samples(known), samples(known, 90, 3, seed=1),
                               balancer=balancer, bootstrap=0)  # fmt: skip
        assert str(found).startswith("Caution: the model made 30 updates in all, too few for a verdict") is said
        assert found.summary.startswith("Nothing stands out, but it is too early to tell: ") is said
        assert bool(found.to_dict()["cautions"]) is said
    untrained = examined({"audio": 0.0, "visual": 0.0}, known)
    assert "the fusion has not learnt to use what its encoders know" in untrained.cautions[0]
