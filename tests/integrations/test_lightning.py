"""Lightning: what `trainer.fit` trains with the callback is what a plain loop trains, bit for bit."""

import contextlib
import copy
import warnings

import pytest
import torch
from torch import nn

import asgml
import toy
from asgml import Balancer, recipes
from asgml.interventions import Scale
from asgml.monitors import GradNorm, Probe, Score
from toy import TWO, identical

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:lightning"),  # advice: more workers, a logger, other batch sizes
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),  # Lightning's own use of torch
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning"),  # torch.compile looks at it
]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lightning.pytorch as pl
    from lightning.pytorch.callbacks import ModelCheckpoint
    from lightning.pytorch.loggers.logger import Logger
    from lightning.pytorch.plugins import MixedPrecision
    from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy

    from asgml.integrations.lightning import BalancerCallback

ENCODERS = {m: f"net.encoders.{m}" for m in TWO}
RECIPES = {
    "frequency": recipes.frequency("audio", 2),
    "staleness": recipes.staleness("audio", 2),
    "both": recipes.frequency("audio", 3) + recipes.staleness("visual", 2),
}


class Module(pl.LightningModule):
    def __init__(self, optimizer=lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1)):
        super().__init__()
        self.net, self.make = toy.Toy(TWO), optimizer

    def forward(self, inputs):
        return self.net(inputs)

    def training_step(self, batch, index):
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch, index):
        self.log("loss", nn.functional.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self):
        return self.make(self.parameters())


class Memory(Logger):
    """A logger that remembers."""

    name, version = "memory", 0

    def __init__(self):
        self.rows = []

    def log_hyperparams(self, *args, **kwargs): ...

    def log_metrics(self, metrics, step):
        self.rows.append({k: v for k, v in metrics.items() if k.startswith("asgml/")})


def loader(data):
    return torch.utils.data.DataLoader(data, batch_size=None, shuffle=False)


def trainer(tmp_path, *callbacks, **settings):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "enable_checkpointing": False}
    settings = quiet | {"max_epochs": 2, "accelerator": "cpu", "devices": 1, "log_every_n_steps": 1} | settings
    return pl.Trainer(callbacks=list(callbacks), default_root_dir=tmp_path, **settings)


def fit(tmp_path, recipe, data, *, module=None, validate=None, measure=(), path=None, **settings):
    module, callback = module or Module(), BalancerCallback(ENCODERS, recipe, measure=measure)
    trainer(tmp_path, callback, **settings).fit(module, loader(data), validate, ckpt_path=path)
    return module, callback


def plain(recipe, data, *, epochs=2, accumulate=1, measure=(), clip=None, autocast=None, scaler=None, module=None):
    """What the reader of the page would have written by hand."""
    module = module or Module()
    optimizer = module.configure_optimizers()
    balancer = Balancer({m: module.net.encoders[m] for m in TWO}, recipe, measure=measure)
    scaler = scaler or torch.amp.GradScaler("cpu", enabled=False)
    for index, batch in enumerate(data * epochs):
        with torch.autocast("cpu", autocast, enabled=autocast is not None):
            loss = module.training_step(batch, index)
        scaler.scale(loss / accumulate).backward()
        balancer.observe(batch[1])
        if (index + 1) % accumulate == 0:
            scaler.unscale_(optimizer)
            balancer.adjust()
            if clip:
                nn.utils.clip_grad_norm_(module.parameters(), clip)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
    return module, balancer


def same(trained, expected):
    (module, callback), (other, balancer) = trained, expected
    assert identical(module.state_dict(), other.state_dict())
    assert identical(callback.balancer.state_dict(), balancer.state_dict())


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("name", RECIPES)
def test_it_equals_the_plain_loop(tmp_path, name, accumulate):
    data, looks = toy.batches(TWO, 6), [GradNorm(), Probe(classes=3)]
    settings = {"accumulate_grad_batches": accumulate, "validate": loader(data[:2])}
    trained = fit(tmp_path, RECIPES[name], data, measure=looks, **settings)
    same(trained, plain(RECIPES[name], data, accumulate=accumulate, measure=copy.deepcopy(looks)))
    assert any(n["skipped"] or n["held"] for n in trained[1].balancer.tally.values())
    assert set(trained[1].balancer.readings) == {"grad_norm", "probe"}


def test_clipping_comes_after_it(tmp_path):
    data, recipe = toy.batches(TWO, 4), asgml.Recipe(act=(Scale({"audio": 100.0}),))
    sgd = lambda: Module(lambda p: torch.optim.SGD(p, lr=0.05))
    trained = fit(tmp_path, recipe, data, gradient_clip_val=0.01, module=sgd())
    same(trained, plain(recipe, data, clip=0.01, module=sgd()))
    assert not identical(trained[0].state_dict(), fit(tmp_path, recipe, data, module=sgd())[0].state_dict())


def test_a_scale_that_the_optimizer_cancels_is_warned_of_once(tmp_path):
    data, recipe = toy.batches(TWO, 2), asgml.Recipe(act=(Scale({"audio": 0.5}),))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        fit(tmp_path, recipe, data)
    words = "Scale multiplies gradients by a factor, and AdamW divides them"
    assert sum(str(w.message).startswith(words) for w in said) == 1
    fit(tmp_path, recipe, data, module=Module(lambda p: torch.optim.SGD(p, lr=0.05)))


def test_ogm_ge_equals_the_plain_loop(tmp_path):
    data, sgd = toy.batches(TWO, 6), lambda: Module(lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        score = Score({m: nn.Linear(toy.FEATURE, toy.CLASSES) for m in TWO})
    recipe = recipes.ogm_ge(score, 0.5, start=1, stop=5)
    same(fit(tmp_path, recipe, data, module=sgd()), plain(recipe, data, module=sgd()))


def test_bfloat16(tmp_path):
    data, looks = toy.batches(TWO, 4), [GradNorm()]
    trained = fit(tmp_path, RECIPES["both"], data, measure=looks, precision="bf16-mixed")
    same(trained, plain(RECIPES["both"], data, measure=copy.deepcopy(looks), autocast=torch.bfloat16))


def test_gradients_are_unscaled_by_then_and_an_overflow_feeds_nothing(tmp_path):
    def scaler():
        return torch.amp.GradScaler("cpu", init_scale=2.0**22, growth_interval=3)

    data, looks, recipe = toy.batches(TWO, 8), [GradNorm()], RECIPES["staleness"]
    plugin = MixedPrecision("16-mixed", "cpu", scaler=scaler())
    trained = fit(tmp_path, recipe, data, measure=looks, plugins=[plugin], gradient_clip_val=0.1)
    same(trained, plain(recipe, data, measure=copy.deepcopy(looks), autocast=torch.half, scaler=scaler(), clip=0.1))
    assert 0 < trained[1].balancer.nonfinite < 8
    assert trained[1].balancer.readings["grad_norm"]["visual"] < 100, "a scaled norm would be thousands"


def test_gradients_that_the_optimizer_unscales_for_itself_are_refused(tmp_path):
    module = Module(lambda p: torch.optim.AdamW(p, lr=0.05, fused=True))
    plugin = MixedPrecision("16-mixed", "cpu", scaler=torch.amp.GradScaler("cpu"))
    with pytest.raises(RuntimeError, match="the gradients are still scaled"):
        fit(tmp_path, RECIPES["staleness"], toy.batches(TWO, 2), module=module, plugins=[plugin])


@pytest.mark.parametrize("name", RECIPES)
def test_resume_is_bit_exact(tmp_path, name):
    data, measure = toy.batches(TWO, 5), [Probe(classes=3)]
    whole = fit(tmp_path, RECIPES[name], data, measure=measure, max_epochs=3, accumulate_grad_batches=2)
    saving = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1)
    first = BalancerCallback(ENCODERS, RECIPES[name], measure=measure)
    run = trainer(tmp_path, first, saving, max_epochs=2, accumulate_grad_batches=2, enable_checkpointing=True)
    run.fit(Module(), loader(data))
    for path in (tmp_path / "epoch=0.ckpt", tmp_path / "epoch=1.ckpt"):
        assert "parts" in torch.load(path, weights_only=True)["callbacks"]["BalancerCallback"]
        settings = {"max_epochs": 3, "accumulate_grad_batches": 2, "path": path}
        resumed = fit(tmp_path, RECIPES[name], data, measure=measure, **settings)
        same(resumed, (whole[0], whole[1].balancer))


def test_a_strategy_that_restores_after_setup_resumes_too(tmp_path):
    class Late(SingleDeviceStrategy):
        restore_checkpoint_after_setup = True

    data, path, name = toy.batches(TWO, 3), tmp_path / "last.ckpt", "staleness"
    run = trainer(tmp_path, BalancerCallback(ENCODERS, RECIPES[name]), max_epochs=1)
    run.fit(Module(), loader(data))
    run.save_checkpoint(path)
    resumed = fit(tmp_path, RECIPES[name], data, path=path, strategy=Late("cpu"))
    same(resumed, plain(RECIPES[name], data))


def test_a_checkpoint_written_after_the_fit_holds_the_state(tmp_path):
    data, callback = toy.batches(TWO, 3), BalancerCallback(ENCODERS, RECIPES["staleness"])
    run = trainer(tmp_path, callback, max_epochs=1)
    run.fit(Module(), loader(data))
    run.save_checkpoint(tmp_path / "last.ckpt")
    resumed = fit(tmp_path, RECIPES["staleness"], data, path=tmp_path / "last.ckpt")
    same(resumed, plain(RECIPES["staleness"], data))


def test_another_fit_starts_without_memory(tmp_path):
    data, callback = toy.batches(TWO, 3), BalancerCallback(ENCODERS, RECIPES["staleness"])
    trainer(tmp_path, callback).fit(Module(), loader(data))
    again = Module()
    run = trainer(tmp_path, callback)
    callback.load_state_dict({"from": "a `trainer.test(ckpt_path=...)` before it"})
    run.fit(again, loader(data))
    same((again, callback), plain(RECIPES["staleness"], data))


def test_only_readings_of_this_update_are_logged(tmp_path):
    memory, data = Memory(), toy.batches(TWO, 6)
    fit(tmp_path, RECIPES["frequency"], data, measure=[GradNorm(), Probe(3, every=3)], logger=memory, max_epochs=1)
    norms = {"asgml/grad_norm/visual"}, {"asgml/grad_norm/audio", "asgml/grad_norm/visual"}
    probes = {"asgml/probe/audio", "asgml/probe/visual"}
    wanted = [norms[(step + 1) % 2] | (probes if step % 3 == 0 else set()) for step in range(6)]
    assert [set(row) for row in memory.rows if row] == wanted
    silent, callback = Memory(), BalancerCallback(ENCODERS, measure=[GradNorm()], log=False)
    trainer(tmp_path, callback, logger=silent, max_epochs=1).fit(Module(), loader(data))
    assert not any(silent.rows)


@pytest.mark.parametrize("fails", [False, True])
def test_hooks_are_taken_off(tmp_path, fails):
    class Failing(Module):
        def training_step(self, batch, index):
            loss = super().training_step(batch, index)
            if index == 2:
                raise RuntimeError("on purpose")
            return loss

    module, callback = (Failing if fails else Module)(), BalancerCallback(ENCODERS, RECIPES["frequency"])
    with pytest.raises(RuntimeError, match="on purpose") if fails else contextlib.nullcontext():
        trainer(tmp_path, callback).fit(module, loader(toy.batches(TWO, 4)))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
    assert "audio: " in callback.balancer.summary()


def test_targets_from_a_mapping_or_by_a_function(tmp_path):
    class ByName(Module):
        def training_step(self, batch, index):
            return nn.functional.cross_entropy(self(batch["x"]), batch["label"])

    data = [{"x": x, "label": y} for x, y in toy.batches(TWO, 3)]
    _, callback = fit(tmp_path, None, data, module=ByName(), measure=[Probe(3)])
    other = BalancerCallback(ENCODERS, measure=[Probe(3)], targets=lambda batch: batch["label"])
    trainer(tmp_path, other).fit(ByName(), loader(data))
    assert identical(callback.balancer.state_dict(), other.balancer.state_dict())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, y: (x, y, y), "no targets were found.*NoneType.*Give `targets=`"),
        (lambda x, y: (x, {"y": y}), "no targets were found.*dict.*Give `targets=`"),
        (lambda x, y: {"x": x, "y": y}, "no targets were found.*NoneType.*Give `targets=`"),
    ],
)
def test_targets_that_are_missing_are_refused_where_somebody_needs_them(tmp_path, change, words):
    class Any(Module):
        def training_step(self, batch, index):
            return self(batch["x"] if isinstance(batch, dict) else batch[0]).square().mean()

    data = [change(*batch) for batch in toy.batches(TWO, 3)]
    with pytest.raises(ValueError, match=words):
        fit(tmp_path, None, data, module=Any(), measure=[Probe(3)])
    _, callback = fit(tmp_path, None, data, module=Any(), measure=[GradNorm()])
    assert callback.balancer.index == 6


def test_steps_without_a_loss_are_left_alone(tmp_path):
    class Choosy(Module):
        def training_step(self, batch, index):
            loss = super().training_step(batch, index)
            return None if index == 1 else loss

    data = toy.batches(TWO, 4)
    trained = fit(tmp_path, RECIPES["staleness"], data, module=Choosy(), measure=[Probe(3)], max_epochs=1)
    expected = plain(RECIPES["staleness"], [data[0], *data[2:]], epochs=1, measure=[Probe(3)])
    assert identical(trained[1].balancer.state_dict(), expected[1].state_dict())


def test_two_calls_in_a_training_step_are_one_micro_batch(tmp_path):
    class Views(Module):
        def training_step(self, batch, index):
            return super().training_step(batch, index) + super().training_step(batch, index)

    _, callback = fit(tmp_path, None, toy.batches(TWO, 4), module=Views(), measure=[Probe(3)], accumulate_grad_batches=2)
    _, once = fit(tmp_path, None, toy.batches(TWO, 4), measure=[Probe(3)], accumulate_grad_batches=2)
    assert callback.balancer.readings["probe"].keys() == once.balancer.readings["probe"].keys()


@pytest.mark.parametrize("whole", [True, False], ids=["module", "encoders"])
def test_compiled(tmp_path, whole):
    module, data = Module(), toy.batches(TWO, 6)
    if not whole:
        for m in TWO:
            module.net.encoders[m].compile(backend="eager")
    callback = BalancerCallback(ENCODERS, RECIPES["both"], measure=[Probe(3)])
    compiled = torch.compile(module, backend="eager") if whole else module
    trainer(tmp_path, callback, accumulate_grad_batches=2).fit(compiled, loader(data))
    same((module, callback), plain(RECIPES["both"], data, accumulate=2, measure=[Probe(3)]))


def test_refusals(tmp_path):
    class Manual(Module):
        automatic_optimization = False

        def __init__(self):
            super().__init__()
            self.automatic_optimization = False

    data = toy.batches(TWO, 2)
    with pytest.raises(ValueError, match=r"call `balancer.adjust\(targets\)` in `training_step`"):
        fit(tmp_path, None, data, module=Manual())
    with pytest.raises(TypeError, match="LBFGS"):
        fit(tmp_path, None, data, module=Module(torch.optim.LBFGS))
    with pytest.raises(ValueError, match=r"'audio'.*no submodule 'net.audio'.*begin with net"):
        trainer(tmp_path, BalancerCallback({"audio": "net.audio"})).fit(Module(), loader(data))
    with pytest.raises(TypeError, match=r"found dict of Linear"):
        BalancerCallback({"audio": nn.Linear(2, 2)})
    with pytest.raises(TypeError, match=r"found str"):
        BalancerCallback("audio")


@pytest.fixture
def forked():
    """Let children fork from a process that runs threads of its own, which Python warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def on_two_ranks(find):
    return DDPStrategy(start_method="fork", process_group_backend="gloo", find_unused_parameters=find)


class Halves(torch.utils.data.IterableDataset):
    """Every rank's half of every batch."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        part = slice(0, 4) if torch.distributed.get_rank() == 0 else slice(4, 8)
        return iter([({m: x[part] for m, x in inputs.items()}, labels[part]) for inputs, labels in self.batches])


class Reporting(BalancerCallback):
    """Rank 0 writes what the parent process cannot see."""

    def on_fit_end(self, trainer, pl_module):
        if trainer.global_rank == 0:
            torch.save([pl_module.state_dict(), self.state_dict()], trainer.default_root_dir + "/rank0.pt")


def test_two_ranks_equal_one(tmp_path, forked):
    data, measure = toy.batches(TWO, 4), [GradNorm(), Probe(3)]
    recipe, make = RECIPES["both"], lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)
    callback = Reporting(ENCODERS, recipe, measure=measure)
    trainer(tmp_path, callback, strategy=on_two_ranks(True), devices=2).fit(Module(make), loader(Halves(data)))
    weights, state = torch.load(tmp_path / "rank0.pt", weights_only=True)
    other, balancer = plain(recipe, data, measure=[GradNorm(), Probe(3)], module=Module(make))
    torch.testing.assert_close(weights, dict(other.state_dict()), rtol=1e-3, atol=1e-5)
    assert state["tally"] == balancer.state_dict()["tally"]
    for reading, values in balancer.readings.items():
        assert state["readings"][reading] == pytest.approx(values, rel=1e-3)


def test_two_ranks_need_find_unused_parameters(tmp_path, forked):
    callback = BalancerCallback(ENCODERS, RECIPES["frequency"])
    with pytest.raises(Exception, match="find_unused_parameters=True for a Skip, found False"):
        trainer(tmp_path, callback, strategy=on_two_ranks(False), devices=2).fit(Module(), loader(Halves(toy.batches(TWO, 2))))
