"""Both hosts' callbacks: what is left when a fit breaks off, copies of callbacks, and passes that are nobody's update."""

import contextlib
import copy
import pickle
import warnings

import pytest
import torch
from torch import nn

import toy
from asgml import Balancer, recipes
from asgml.monitors import GradNorm, Probe
from toy import TWO

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore::UserWarning:torch.*"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning", "ignore::FutureWarning:transformers.*"),
]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lightning.pytorch as pl
    import transformers
    from lightning.pytorch.callbacks import LearningRateFinder

    from asgml.integrations import lightning as on_lightning
    from asgml.integrations import transformers as on_transformers

SKIP = recipes.frequency("audio", 2)


class Module(pl.LightningModule):
    """The toy model for both hosts: its forward, called as the Trainer does, returns a loss."""

    def __init__(self, optimizer=torch.optim.SGD):
        super().__init__()
        self.net, self.kind, self.lr = toy.Toy(TWO), optimizer, 0.1

    def forward(self, audio, visual, labels=None):
        logits = self.net({"audio": audio, "visual": visual})
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

    def training_step(self, batch, index):
        return self(**batch)["loss"]

    def configure_optimizers(self):
        return self.kind(self.parameters(), lr=self.lr)


def samples(n=24):
    data = toy.batches(TWO, n, rows=1)
    return [{"audio": x["audio"][0], "visual": x["visual"][0], "labels": y[0]} for x, y in data]


def settings(recipe=SKIP, **more):
    return {"encoders": {m: f"net.encoders.{m}" for m in TWO}, "recipe": recipe, **more}


def fit(tmp_path, model, callback, *others, epochs=1):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "enable_checkpointing": False}
    host = pl.Trainer(
        callbacks=[callback, *others], max_epochs=epochs, accelerator="cpu", devices=1, default_root_dir=tmp_path, **quiet
    )
    host.fit(model, torch.utils.data.DataLoader(samples(), batch_size=4))
    return host


def train(tmp_path, model, callback, *others):
    arguments = transformers.TrainingArguments(
        str(tmp_path), per_device_train_batch_size=4, num_train_epochs=1, disable_tqdm=True, report_to="none", use_cpu=True,
        save_strategy="no", logging_strategy="no", optim="sgd", learning_rate=0.1, dataloader_pin_memory=False,
    )  # fmt: skip
    host = transformers.Trainer(model, arguments, train_dataset=samples(), callbacks=[callback, *others])
    host.train()
    return host


HOSTS = {"lightning": (fit, on_lightning.BalancerCallback), "transformers": (train, on_transformers.BalancerCallback)}


class Break:
    """Raises in the third update, at one place of it."""

    def __init__(self, model, error, place):
        self.model, self.error, self.place, self.calls = model, error, place, 0
        self.handle = model.net.heads["audio"].register_forward_hook(self.forward)

    def forward(self, module, args, output):
        self.calls += 1
        if self.calls > 2 and self.place == "in the forward":
            raise self.error()
        if self.calls > 2:
            output.register_hook(self.backward)

    def backward(self, grad):
        if self.place == "in the backward":
            raise self.error()


class BreakLightning(pl.Callback):
    def __init__(self, error):
        self.error = error

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        if index == 2:
            raise self.error()


class BreakTransformers(transformers.TrainerCallback):
    def __init__(self, error):
        self.error = error

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 3:
            raise self.error()


ERRORS = {"interrupt": KeyboardInterrupt, "error": lambda: RuntimeError("out of memory")}


def moved(model, update):
    """Return how far an update moves the audio encoder."""
    before = model.net.encoders["audio"].last.weight.detach().clone()
    update()
    return (model.net.encoders["audio"].last.weight - before).norm().item()


def by_hand(model):
    batch = torch.utils.data.default_collate(samples(4))
    model.train()
    model(**batch)["loss"].backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= 0 if p.grad is None else p.grad
    model.zero_grad()


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@pytest.mark.parametrize("place", ["in the forward", "in the backward", "between two steps"])
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("host", HOSTS)
def test_a_fit_that_breaks_off_leaves_no_hook(tmp_path, host, error, place):
    run, kind = HOSTS[host]
    model, callback = Module(), kind(**settings())
    others = []
    if place == "between two steps":
        others = [(BreakLightning if host == "lightning" else BreakTransformers)(ERRORS[error])]
    else:
        broken = Break(model, ERRORS[error], place)
    with pytest.raises((KeyboardInterrupt, RuntimeError, SystemExit)):
        run(tmp_path, model, callback, *others)
    if not others:
        broken.handle.remove()
    assert hooks(model) == 0
    assert callback.balancer.index >= 2
    model.zero_grad()
    assert moved(model, lambda: by_hand(model)) > 0
    for again in (kind(**settings(None)), callback):
        assert moved(model, lambda again=again: run(tmp_path, model, again)) > 0
        assert again.balancer.index == 6
        assert hooks(model) == 0


def test_a_forward_that_the_trainer_did_not_call_ends_the_watching(tmp_path):
    """As in a notebook, which keeps the traceback of the cell that was stopped, and with it the Trainer's stack."""
    model, callback = Module(), on_transformers.BalancerCallback(**settings())
    broken, kept = Break(model, KeyboardInterrupt, "in the backward"), []
    try:
        train(tmp_path, model, callback)
    except KeyboardInterrupt as error:
        kept.append(error)
    broken.handle.remove()
    model.zero_grad()
    assert hooks(model) > 0
    assert [moved(model, lambda: by_hand(model)) > 0 for _ in range(3)] == [True] * 3
    assert hooks(model) == 0
    again = on_transformers.BalancerCallback(**settings())
    train(tmp_path, model, again)
    kept.clear()
    assert again.balancer.tally["audio"] == {"updated": 3, "skipped": 3, "held": 0}


@pytest.mark.parametrize("host", HOSTS)
def test_an_update_that_is_refused_leaves_no_hook(tmp_path, host):
    run, kind = HOSTS[host]
    model, named = Module(), {"targets": lambda batch: None} if host == "lightning" else {"labels": "other"}
    with pytest.raises(ValueError, match="needs targets") as caught:
        run(tmp_path, model, kind(**settings(), measure=[Probe(toy.CLASSES)], **named))
    assert caught.value is not None
    assert hooks(model) == 0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
@pytest.mark.parametrize("host", HOSTS)
def test_a_copied_callback_attaches_anew_and_keeps_the_words(tmp_path, host, copied):
    run, kind = HOSTS[host]
    callback = kind(**settings(), measure=[GradNorm()])
    before = copied(callback)
    model, others = Module(), []

    class Copies(pl.Callback if host == "lightning" else transformers.TrainerCallback):
        def on_train_batch_start(self, *args):
            self.taken()

        def on_substep_end(self, *args, **kwargs):
            self.taken()

        on_step_begin = on_substep_end

        def taken(self):
            if not others:
                others.extend([copied(callback), copy.deepcopy(model)])

    run(tmp_path, model, callback, Copies())
    during, its_model = others
    after = copied(callback)
    assert (
        after.balancer.summary()
        == callback.balancer.summary()
        == "audio: 3 updates, 3 skipped, 0 held\n" + ("visual: 6 updates, 0 skipped, 0 held")
    )
    assert moved(its_model, lambda: by_hand(its_model)) > 0
    for one in (before, during, after):
        run(tmp_path, model, one)
        assert one.balancer.summary() == callback.balancer.summary()
        assert one.balancer.act != ()


@pytest.mark.parametrize("host", HOSTS)
def test_a_callback_that_cannot_be_pickled_says_which_function_and_what_to_do(monkeypatch, host):
    callback = HOSTS[host][1](**settings() | {"encoders": lambda model: {}}, features={"audio": lambda output: output})
    copy.deepcopy(callback)
    monkeypatch.setattr("asgml.integrations._shared._others_pickle", lambda: False)
    with pytest.raises(TypeError, match=r"cannot be pickled: `encoders` holds a function that has no name.*attribute paths"):
        pickle.dumps(callback)
    monkeypatch.setattr("asgml.integrations._shared._others_pickle", lambda: True)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(callback)  # pickle's own words; cloudpickle would manage


class Finder(LearningRateFinder):
    at = 0

    def on_fit_start(self, *args): ...

    def on_train_epoch_start(self, trainer, module):
        if trainer.current_epoch == self.at:
            self.lr_find(trainer, module)


class Rate(Module):
    """Goes on with the rate that it had."""

    lr = property(lambda self: 0.1, lambda self, value: None)


@pytest.mark.parametrize("epoch", [0, 1])
def test_a_learning_rate_finder_in_any_epoch_leaves_no_trace(tmp_path, epoch):
    measure = [GradNorm(), Probe(toy.CLASSES)]

    def trained(*others):
        callback, model = on_lightning.BalancerCallback(**settings(), measure=measure, targets=lambda b: b["labels"]), Rate()
        fit(tmp_path, model, callback, *others, epochs=3)
        return callback.balancer.state_dict(), model.state_dict()

    finder = Finder(num_training_steps=3, update_attr=False)
    finder.at = epoch
    assert toy.identical(trained(finder), trained())


class ByHand(Module):
    """As docs/hosts/lightning.md has it, and without what it does at the end."""

    def __init__(self, removes):
        super().__init__()
        self.automatic_optimization, self.removes, self.balancer = False, removes, None

    def on_fit_start(self):
        self.balancer = Balancer(dict(self.net.encoders.items()), SKIP, features={"audio": lambda output: output})

    def on_fit_end(self):
        if self.removes:
            self.balancer.remove()

    def training_step(self, batch, index):
        self.manual_backward(super().training_step(batch, index))
        self.balancer.adjust()
        self.optimizers().step()
        self.optimizers().zero_grad()


@pytest.mark.parametrize("removes", [True, False])
def test_a_module_that_makes_its_balancer_itself_is_fitted_again_and_copied(tmp_path, removes):
    model = ByHand(removes)
    fit(tmp_path, model, pl.Callback())
    told, copied = model.balancer.summary(), copy.deepcopy(model)
    with contextlib.nullcontext() if removes else pytest.warns(UserWarning, match="had a Balancer already"):
        assert moved(model, lambda: fit(tmp_path, model, pl.Callback())) > 0
    assert model.balancer.summary() == copied.balancer.summary() == told
    assert moved(copied, lambda: fit(tmp_path, copied, pl.Callback())) > 0


class TwoPasses(torch.optim.SGD):
    """As SAM does, the second time with the gradients that count."""

    def step(self, closure=None):
        with torch.enable_grad():
            closure()
            self.zero_grad()
            loss = closure()
        super().step()
        return loss


class NeedsClosure(torch.optim.SGD):
    def step(self, closure):
        return super().step(closure)


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (
            TwoPasses,
            r"TwoPasses runs its closure more than once in a step.* call `balancer.forget\(\)` after each but the last",
        ),
        (NeedsClosure, "the `step` of NeedsClosure needs a closure"),
    ],
)
def test_lightning_refuses_optimizers_of_several_passes(tmp_path, optimizer, words):
    model, callback = Module(optimizer), on_lightning.BalancerCallback(**settings())
    with pytest.raises(TypeError, match=words):
        fit(tmp_path, model, callback)
    assert hooks(model) == 0
    assert callback.balancer is None or callback.balancer.index <= 1
