"""Hugging Face's Trainer: what it trains with the callback is what a plain loop trains, and resumes bit for bit."""

import copy
import json
import shutil
import warnings
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from asgml import Balancer, recipes
from asgml.interventions import Delay, Noise, OgmGe, Scale
from asgml.monitors import GradNorm, Probe
from toy import identical

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:torch.*", "ignore::FutureWarning:transformers.*"),
]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from transformers import BertConfig, BertModel, Trainer, TrainerCallback, TrainingArguments, ViTConfig, ViTModel
    from transformers.modeling_outputs import SequenceClassifierOutput

    from asgml.integrations import transformers as ours
    from asgml.integrations.transformers import BalancerCallback

WIDTH, CLASSES = 16, 3
SMALL = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
FEATURES = {"text": lambda out: out.last_hidden_state[:, 0], "image": lambda out: out.pooler_output}
RECIPES = {
    "frequency": recipes.frequency("text", 2),
    "staleness": recipes.staleness("image", 2),
    "both": recipes.frequency("text", 3) + recipes.staleness("image", 2),
}


class Classifier(nn.Module):
    """Two encoders built from configs, late fusion, and the loss inside, as the Trainer wants it."""

    def __init__(self, dropout=0.0):
        super().__init__()
        torch.manual_seed(0)
        drop = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        self.text = BertModel(BertConfig(vocab_size=30, max_position_embeddings=8, **SMALL, **drop), add_pooling_layer=False)
        self.image = ViTModel(ViTConfig(image_size=8, patch_size=4, **SMALL, **drop))
        self.head = nn.Linear(2 * WIDTH, CLASSES)

    def forward(self, input_ids, pixel_values, labels=None):
        text, image = self.text(input_ids=input_ids), self.image(pixel_values=pixel_values)
        logits = self.head(torch.cat([FEATURES["text"](text), FEATURES["image"](image)], 1))
        return SequenceClassifierOutput(
            loss=None if labels is None else nn.functional.cross_entropy(logits, labels), logits=logits
        )

    def gradient_checkpointing_enable(self, **settings):
        for encoder in (self.text, self.image):
            encoder.gradient_checkpointing_enable(**settings)


class Samples(torch.utils.data.Dataset):
    def __init__(self, n=24):
        g = torch.Generator().manual_seed(1)
        self.ids, self.pixels = torch.randint(30, (n, 6), generator=g), torch.randn(n, 3, 8, 8, generator=g)
        self.labels = torch.randint(CLASSES, (n,), generator=g)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return {"input_ids": self.ids[index], "pixel_values": self.pixels[index], "labels": self.labels[index]}


class InOrder(Trainer):
    """The data in their order, so that a plain loop can have the same."""

    def _get_train_sampler(self, *args, **kwargs):
        return torch.utils.data.SequentialSampler(self.train_dataset)


def arguments(tmp_path, **settings):
    quiet = {"disable_tqdm": True, "report_to": "none", "use_cpu": True, "save_strategy": "no", "logging_strategy": "no"}
    usual = {"per_device_train_batch_size": 4, "num_train_epochs": 2, "learning_rate": 0.01, "weight_decay": 0.1}
    usual |= {"lr_scheduler_type": "constant", "max_grad_norm": 0.5, "dataloader_pin_memory": False, "seed": 0}
    return TrainingArguments(output_dir=str(tmp_path), **(quiet | usual | settings))


def trainer(tmp_path, recipe=None, *, kind=InOrder, measure=(), dropout=0.0, callback=None, model=None, **settings):
    callback = callback or BalancerCallback({"text": "text", "image": "image"}, recipe, measure=measure, features=FEATURES)
    settings = arguments(tmp_path, **settings)
    model = model or Classifier(dropout)
    run = kind(model, settings, train_dataset=Samples(), eval_dataset=Samples(8), callbacks=[callback])
    return run, callback


def train(tmp_path, *args, resume=None, **settings):
    run, callback = trainer(tmp_path, *args, **settings)
    run.train(resume_from_checkpoint=resume)
    return run.model, callback.balancer


def plain(recipe, *, rows=4, accumulate=1, measure=(), epochs=2):
    model, samples, balancer = Classifier(), Samples(), None
    model.train()
    names = [n for n, _ in model.named_parameters()]
    decays = Trainer.get_decay_parameter_names(None, model)
    groups = [[p for n, p in model.named_parameters() if (n in decays) is with_it] for with_it in (True, False)]
    assert len(names) == sum(map(len, groups))
    optimizer = torch.optim.AdamW(
        [{"params": groups[0], "weight_decay": 0.1}, {"params": groups[1], "weight_decay": 0.0}], lr=0.01, fused=True
    )
    balancer = Balancer({"text": model.text, "image": model.image}, recipe, measure=measure, features=FEATURES)
    for index, batch in enumerate(list(torch.utils.data.DataLoader(samples, batch_size=rows)) * epochs):
        (model(**batch).loss / accumulate).backward()
        balancer.observe(batch["labels"])
        if (index + 1) % accumulate == 0:
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            balancer.adjust()
            optimizer.step()
            optimizer.zero_grad()
    return model, balancer


def same(trained, expected):
    assert identical(trained[0].state_dict(), expected[0].state_dict())
    assert identical(trained[1].state_dict(), expected[1].state_dict())


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("name", RECIPES)
def test_it_equals_the_plain_loop(tmp_path, name, accumulate):
    looks = [GradNorm(), Probe(CLASSES)]
    trained = train(tmp_path, RECIPES[name], measure=looks, gradient_accumulation_steps=accumulate)
    same(trained, plain(RECIPES[name], accumulate=accumulate, measure=copy.deepcopy(looks)))
    assert any(n["skipped"] or n["held"] for n in trained[1].tally.values())
    assert set(trained[1].readings) == {"grad_norm", "probe"}


def test_micro_batches_equal_one_batch(tmp_path):
    settings = {"measure": [GradNorm(), Probe(CLASSES)], "optim": "sgd"}
    one = train(tmp_path, RECIPES["both"], per_device_train_batch_size=8, **settings)
    several = train(tmp_path, RECIPES["both"], per_device_train_batch_size=2, gradient_accumulation_steps=4, **settings)
    torch.testing.assert_close(several[0].state_dict(), one[0].state_dict(), rtol=1e-4, atol=1e-5)
    assert several[1].tally == one[1].tally
    for reading, values in one[1].readings.items():
        assert several[1].readings[reading] == pytest.approx(values, rel=1e-3)


@pytest.mark.parametrize("name", RECIPES)
def test_resume_is_bit_exact(tmp_path, name):
    settings = {"measure": [Probe(CLASSES)], "dropout": 0.1, "kind": Trainer, "gradient_accumulation_steps": 2}
    settings |= {"logging_strategy": "steps", "logging_steps": 1, "save_strategy": "steps", "save_steps": 2}
    whole = train(tmp_path / "a", RECIPES[name], **settings)
    assert whole[1].index == 6
    with torch.random.fork_rng():
        resumed = train(tmp_path / "a", RECIPES[name], resume=str(tmp_path / "a" / "checkpoint-2"), **settings)
    same(resumed, whole)
    shutil.rmtree(tmp_path / "a" / "checkpoint-6")
    same(train(tmp_path / "a", RECIPES[name], resume=True, **settings), whole)
    folder = (tmp_path / "a" / "checkpoint-2").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"resumed at step 2.*TrainingArguments\(resume_from_checkpoint=...\)"):
        train(tmp_path / "b", RECIPES[name], resume=str(folder), **settings)
    same(train(tmp_path / "b", RECIPES[name], resume=str(folder), resume_from_checkpoint=str(folder), **settings), whole)


def test_the_state_of_another_run_is_not_taken(tmp_path):
    settings = {"logging_strategy": "steps", "logging_steps": 1, "save_strategy": "steps", "save_steps": 4}
    train(tmp_path / "a", RECIPES["both"], **settings)
    train(tmp_path / "b", RECIPES["both"], learning_rate=0.02, **settings)
    with pytest.raises(FileNotFoundError, match="resumed at step 4"):
        train(tmp_path / "b", RECIPES["both"], resume=str(tmp_path / "a" / "checkpoint-4"), **settings)


def test_a_checkpoint_without_its_state_is_said(tmp_path):
    settings = {"save_strategy": "steps", "save_steps": 4}
    train(tmp_path, None, **settings)
    (tmp_path / "checkpoint-8" / "balancer.pt").unlink()
    with pytest.warns(UserWarning, match="checkpoint-8 holds no balancer.pt"):
        _, balancer = train(tmp_path, RECIPES["frequency"], resume=str(tmp_path / "checkpoint-8"), **settings)
    assert balancer.index == 4


def test_weights_alone_are_saved_alone(tmp_path):
    train(tmp_path, None, save_strategy="steps", save_steps=6, save_only_model=True)
    assert not (tmp_path / "checkpoint-6" / "balancer.pt").exists()


def test_evaluation_leaves_no_trace(tmp_path):
    looks = [GradNorm(), Probe(CLASSES)]
    without = train(tmp_path, RECIPES["both"], measure=copy.deepcopy(looks))
    between = {"eval_strategy": "steps", "eval_steps": 1, "eval_on_start": True}
    same(train(tmp_path, RECIPES["both"], measure=looks, **between), without)


def test_readings_join_the_logs_of_the_update(tmp_path):
    settings = {"logging_strategy": "steps", "logging_steps": 1, "eval_strategy": "steps", "eval_steps": 2}
    run, _ = trainer(
        tmp_path, RECIPES["frequency"], measure=[GradNorm(), Probe(CLASSES, every=3)], num_train_epochs=1, **settings
    )
    run.train()
    training = [{k for k in row if k.startswith("asgml/")} for row in run.state.log_history if "loss" in row]
    norms = {"asgml/grad_norm/image"}, {"asgml/grad_norm/text", "asgml/grad_norm/image"}
    probes = {"asgml/probe/text", "asgml/probe/image"}
    assert training == [norms[(step + 1) % 2] | (probes if step % 3 == 0 else set()) for step in range(6)]
    others = [row for row in run.state.log_history if "loss" not in row]
    assert len(others) == 4
    assert not any(k.startswith("asgml/") for row in others for k in row)
    json.dumps(run.state.log_history)
    settings |= {"logging_steps": 3, "eval_steps": 1}
    run, _ = trainer(tmp_path, RECIPES["frequency"], measure=[GradNorm()], num_train_epochs=1, **settings)
    run.train()
    training = [row for row in run.state.log_history if any(k.startswith("asgml/") for k in row)]
    assert [row["step"] for row in training if "loss" in row] == [row["step"] for row in training] == [3, 6]


def test_a_callback_behind_it_gets_the_readings_too(tmp_path):
    class Other(TrainerCallback):
        seen = ()

        def on_log(self, args, state, control, logs, **kwargs):
            self.seen = self.seen or set(logs)

    settings = arguments(tmp_path, logging_strategy="steps", logging_steps=1)
    run = Trainer(Classifier(), settings, train_dataset=Samples(), callbacks=[other := Other()])
    callback = BalancerCallback({"text": "text"}, measure=[GradNorm()], features={"text": FEATURES["text"]})
    run.callback_handler.callbacks.insert(0, callback)
    run.train()
    assert "asgml/grad_norm/text" in other.seen


def test_hooks_are_taken_off_and_another_training_starts_without_memory(tmp_path):
    run, callback = trainer(tmp_path, RECIPES["staleness"])
    run.train()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in run.model.modules())
    assert "image: " in callback.balancer.summary()
    again, _ = trainer(tmp_path, callback=callback)
    again.train()
    same((again.model, callback.balancer), plain(RECIPES["staleness"]))


@pytest.mark.parametrize("inside", [False, True], ids=["encoders", "layers"])
def test_checkpointed_activations_are_seen_once(tmp_path, inside):
    settings = {"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": False}}
    paths = {"text": "text.encoder.layer.1", "image": "image.layers.1"} if inside else {"text": "text", "image": "image"}
    features = {m: lambda out: (out[0] if isinstance(out, tuple) else out)[:, 0] for m in paths} if inside else FEATURES

    def callback():
        return BalancerCallback(paths, RECIPES["both"], measure=[Probe(CLASSES)], features=features)

    without, with_it = callback(), callback()
    train(tmp_path, callback=without)
    model, _ = train(tmp_path, callback=with_it, **settings)
    assert model.text.is_gradient_checkpointing
    assert with_it.balancer.tally == without.balancer.tally
    assert with_it.balancer.readings["probe"] == pytest.approx(without.balancer.readings["probe"])


def test_compiled(tmp_path):
    settings = {"torch_compile": True, "torch_compile_backend": "eager", "gradient_accumulation_steps": 2}
    torch._dynamo.reset()
    compiled = train(tmp_path, RECIPES["both"], measure=[Probe(CLASSES)], **settings)
    expected = plain(RECIPES["both"], accumulate=2, measure=[Probe(CLASSES)])
    assert compiled[1].tally == expected[1].tally
    torch.testing.assert_close(compiled[0].state_dict(), expected[0].state_dict(), rtol=1e-4, atol=1e-5)


def test_bfloat16(tmp_path):
    _, balancer = train(tmp_path, RECIPES["both"], measure=[Probe(CLASSES)], bf16=True)
    assert balancer.tally["text"]["skipped"] == 4


def under(tmp_path, *act, **settings):
    callback = BalancerCallback({"text": "text"}, act=act, features={"text": FEATURES["text"]})
    return trainer(tmp_path, callback=callback, **({"optim": "sgd"} | settings))[0]


def test_a_scale_above_one_escapes_the_clip_and_that_is_said(tmp_path):
    with pytest.warns(UserWarning, match=r"clips to max_grad_norm=0.5 before Scale acts") as said:
        under(tmp_path, Scale({"text": 2.0})).train()
    assert len(said) == 1
    for part in (Scale(lambda index, readings: {"text": 0.5}), Noise({"text": 0.1}), OgmGe({"text": 0.5})):
        with pytest.warns(UserWarning, match="factors above 1 and noise escape the clip"):
            under(tmp_path, part).train()
    under(tmp_path, Scale({"text": 0.5}), Delay({"text": 1})).train()
    under(tmp_path, Scale({"text": 2.0}), max_grad_norm=0.0).train()


def test_a_scale_that_the_optimizer_cancels_is_warned_of_once(tmp_path):
    with pytest.warns(UserWarning, match="Scale multiplies gradients by a factor, and AdamW divides them") as said:
        under(tmp_path, Scale({"text": 0.5}), optim="adamw_torch").train()
    assert len(said) == 1
    under(tmp_path, Delay({"text": 1}), optim="adamw_torch").train()


def test_labels_that_do_not_arrive_are_refused_where_somebody_needs_them(tmp_path):
    class Smoothed(InOrder):
        def compute_loss(self, model, inputs, *args, **kwargs):
            labels = inputs.pop("labels")
            return nn.functional.cross_entropy(model(**inputs).logits, labels)

    with pytest.raises(ValueError, match=r"no targets were found(.|\n)*keyword 'labels'(.|\n)*label smoothing"):
        train(tmp_path, kind=Smoothed, measure=[Probe(CLASSES)])
    _, balancer = train(tmp_path, kind=Smoothed, measure=[GradNorm()])
    assert balancer.index == 12


def test_what_cannot_work_is_refused(tmp_path, monkeypatch):
    args, model, state = arguments(tmp_path), Classifier(), SimpleNamespace(global_step=0)
    callback = BalancerCallback({"text": "text"}, RECIPES["frequency"], features={"text": FEATURES["text"]})
    with monkeypatch.context() as patch:
        patch.setattr(ours, "ranks", lambda: 2)
        args.ddp_find_unused_parameters = False
        with pytest.raises(ValueError, match=r"ddp_find_unused_parameters=True"):
            callback.on_train_begin(args, state, None, model)
        args.ddp_find_unused_parameters = None
        callback.on_train_begin(args, state, None, model)
        callback.on_train_end(args, state, None)
        model.text.gradient_checkpointing_enable()
        with pytest.raises(ValueError, match=r"ddp_find_unused_parameters=True"):
            callback.on_train_begin(args, state, None, model.text)
    args._n_gpu = 2
    with pytest.raises(TypeError, match=r"nn\.DataParallel on 2 GPUs"):
        callback.on_train_begin(args, state, None, model)
    with pytest.raises(ValueError, match="no submodule 'bert'"):
        train(tmp_path, callback=BalancerCallback({"text": "bert"}))
