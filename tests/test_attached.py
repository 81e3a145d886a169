"""Hooks that nobody outlives: a newer Balancer on the same encoders, one that is dropped, and copies of model and Balancer."""

import copy
import gc
import io
import pickle
import weakref

import pytest
import torch
from torch import nn

from asgml import Balancer, recipes
from asgml.monitors import GradNorm, Probe
from toy import identical


class Encoder(nn.Module):
    """Has a module inside, which may be an encoder as well."""

    def __init__(self, width):
        super().__init__()
        self.inner = nn.Linear(width, 8)

    def forward(self, x):
        return self.inner(x).tanh()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.audio, self.visual, self.head = Encoder(6), Encoder(7), nn.Linear(16, 3)

    def forward(self, a, v):
        return self.head(torch.cat([self.audio(a), self.visual(v)], 1))


def encoders(net):
    return {"audio": net.audio, "visual": net.visual}


def update(net, balancer=None, seed=0):
    """Take one step; return how far the audio encoder moved."""
    g = torch.Generator().manual_seed(seed)
    targets = torch.randint(3, (8,), generator=g)
    before = net.audio.inner.weight.detach().clone()
    logits = net(torch.randn(8, 6, generator=g), torch.randn(8, 7, generator=g))
    nn.functional.cross_entropy(logits, targets).backward()
    if balancer is not None:
        balancer.adjust(targets)
    with torch.no_grad():
        for p in net.parameters():
            p -= 0.1 * (0 if p.grad is None else p.grad)
    net.zero_grad()
    return (net.audio.inner.weight - before).norm().item()


def skipping(net, **settings):
    """Return a Balancer that cuts the audio encoder in the next forward."""
    balancer = Balancer(encoders(net), recipes.frequency("audio", k=2), measure=[GradNorm(), Probe(3)], **settings)
    update(net, balancer)
    assert balancer.skipping == {"audio"}
    return balancer


def hooks(net):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules())


NEWCOMERS = {
    "the same encoders": lambda net: Balancer(encoders(net)),
    "one of them": lambda net: Balancer({"audio": net.audio}),
    "one of them and another module": lambda net: Balancer({"sound": net.audio, "head": net.head}),
    "a module inside": lambda net: Balancer({"audio": net.audio.inner}),
    "a module around": lambda net: Balancer({"all": net}),
    "names of parameters": lambda net: Balancer({"audio": "audio.*", "head": "head.*"}, model=net),
}


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("case", NEWCOMERS)
def test_a_newer_balancer_takes_over_with_a_warning(case, given):
    net = Net()
    old = skipping(net, model=net if given else None)
    with pytest.warns(UserWarning, match=r"had a Balancer already: the older one ends here.* Call `remove\(\)`") as caught:
        new = NEWCOMERS[case](net)
    assert caught[0].filename == __file__, "the warning points at the line that made the newer one"
    assert update(net, new) > 0
    new.remove()
    assert hooks(net) == 0
    with pytest.raises(RuntimeError, match=r"watches no encoder any more: a newer Balancer watches encoders? '"):
        old.adjust()


def test_the_newer_one_counts_as_if_it_were_alone():
    alone, net = Net(), Net()
    first = skipping(alone)
    first.remove()
    _old = skipping(net)
    with pytest.warns(UserWarning, match="encoders 'audio', 'visual' had a Balancer already"):
        again = Balancer(encoders(net), recipes.frequency("audio", k=2), measure=[GradNorm(), Probe(3)])
    fresh = Balancer(encoders(alone), recipes.frequency("audio", k=2), measure=[GradNorm(), Probe(3)])
    for seed in range(6):
        update(net, again, seed)
        update(alone, fresh, seed)
    assert again.tally == fresh.tally == {
        "audio": {"updated": 3, "skipped": 3, "held": 0}, "visual": {"updated": 6, "skipped": 0, "held": 0},
    }  # fmt: skip
    assert again.readings == fresh.readings
    assert torch.equal(net.audio.inner.weight, alone.audio.inner.weight)


def test_balancers_of_different_encoders_live_side_by_side():
    net, other = Net(), Net()
    kept = [Balancer({"audio": net.audio}), Balancer({"visual": net.visual}), Balancer(encoders(other))]
    update(net, kept[0])
    kept[1].adjust()
    assert [b.index for b in kept] == [1, 1, 0]


def test_one_that_is_refused_ends_no_other_and_leaves_no_hook():
    net = Net()
    old = skipping(net)
    before = hooks(net)
    with pytest.raises(ValueError, match="skips"):
        Balancer(encoders(net), act=[recipes.Skip(lambda index, readings: {"adio": True})])
    assert hooks(net) == before
    update(net, old)
    assert old.tally["audio"]["skipped"] == 1


@pytest.mark.parametrize("given", [False, True])
def test_a_dropped_balancer_takes_its_hooks_off_at_once(given):
    net = Net()
    gc.disable()  # no circle of references may keep it
    try:
        balancer = skipping(net, model=net if given else None)
        gone = weakref.ref(balancer)
        del balancer
        assert gone() is None
        assert hooks(net) == 0
    finally:
        gc.enable()
    assert update(net) > 0


def test_one_that_its_own_features_function_holds_is_collected_too():
    class Loop:
        def __init__(self, net):
            self.balancer = Balancer(encoders(net), recipes.frequency("audio", k=2), features={"audio": self.pick})

        def pick(self, output):
            return output

    net = Net()
    loop = Loop(net)
    update(net, loop.balancer)
    del loop
    gc.collect()
    assert hooks(net) == 0
    assert update(net) > 0


def test_the_with_statement_takes_the_hooks_off_whatever_happens():
    def loop():
        with balancer:
            update(net, balancer)
            raise KeyboardInterrupt

    net = Net()
    balancer = Balancer(encoders(net), recipes.frequency("audio", k=2))
    with pytest.raises(KeyboardInterrupt):
        loop()
    assert hooks(net) == 0
    assert update(net) > 0
    assert balancer.summary().startswith("audio: 1 updates, 0 skipped")
    with pytest.raises(RuntimeError, match="watches no encoder any more"), balancer:
        pass


@pytest.mark.parametrize("call", [lambda b: b.adjust(), lambda b: b.observe(torch.zeros(8, dtype=torch.long))])
def test_after_remove_nothing_is_counted_and_no_gradient_lost(call):
    net = Net()
    balancer = skipping(net)
    balancer.remove()
    balancer.remove()
    state = copy.deepcopy(balancer.state_dict())
    net(torch.ones(2, 6), torch.ones(2, 7)).sum().backward()
    with pytest.raises(RuntimeError, match=r"watches no encoder any more: `remove\(\)` was called. Make a new one"):
        call(balancer)
    assert all(p.grad is not None for p in net.audio.parameters())
    assert balancer.state_dict()["index"] == state["index"] == 1
    assert balancer.state_dict()["skipping"] == ["audio"], "the memory can go on in another Balancer"


def through_file(net):
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIES = {
    "deepcopy": copy.deepcopy,
    "deepcopy of an encoder": lambda net: _with(net, audio=copy.deepcopy(net.audio)),
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "torch.save": through_file,
    "AveragedModel": lambda net: torch.optim.swa_utils.AveragedModel(net).module,
    "a copy of a copy": lambda net: copy.deepcopy(through_file(net)),
}


def _with(net, audio):
    made = Net()
    made.audio, made.visual, made.head = audio, copy.deepcopy(net.visual), copy.deepcopy(net.head)
    return made


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("case", COPIES)
def test_a_copied_model_is_watched_by_nobody(case, given):
    net = Net()
    balancer = skipping(net, model=net if given else None, features={"audio": lambda output: output})
    made = COPIES[case](net)
    assert update(made) > 0
    assert all(hook.kept == [] for m in made.modules() for hook in m._forward_hooks.values())
    assert update(net, balancer, seed=1) == 0, "the first model is watched as before"
    assert balancer.tally["audio"] == {"updated": 1, "skipped": 1, "held": 0}
    newer = Balancer(encoders(made), recipes.frequency("visual", k=2), model=made if given else None)
    update(made, newer)
    assert newer.tally["audio"]["updated"] == 1


def test_a_shallow_copy_is_free_after_remove():
    net = Net()
    balancer = skipping(net)
    made = copy.copy(net)
    made.audio = copy.copy(net.audio)
    balancer.remove()
    assert update(made) > 0


def test_copies_of_a_balancer_can_be_read_and_watch_nobody():
    recipe = recipes.Recipe((), (recipes.Skip(lambda index, readings: {"audio": index % 2 == 1}, at_most=None),))
    net = Net()
    balancer = Balancer(encoders(net), recipe + recipes.staleness("visual", tau=1), measure=[GradNorm(), Probe(3)])
    update(net, balancer)
    made = [copy.deepcopy(balancer), copy.copy(balancer), pickle.loads(pickle.dumps(balancer))]
    made.append(pickle.loads(pickle.dumps(made[0])))
    told, state, before = balancer.summary(), copy.deepcopy(balancer.state_dict()), hooks(net)
    update(net, balancer)
    update(net, balancer)
    for one in made:
        assert (one.summary(), one.index, one.skipping, one.held) == (told, 1, {"audio"}, {"visual"})
        assert one.readings.keys() == {"grad_norm", "probe"}
        assert identical(one.state_dict(), state)
        assert repr(one) == f"copy of {balancer!r}"
        with pytest.raises(RuntimeError, match="it is a copy, or was read from a file, and its encoders stayed behind"):
            one.adjust()
        one.forget()
        one.remove()
    assert hooks(net) == before, "the first one watches on"
    balancer.load_state_dict(made[0].state_dict())
    assert balancer.index == 1


@pytest.mark.parametrize("case", ["deepcopy", "pickle", "torch.save"])
def test_a_model_that_holds_its_balancer_can_be_copied(case):
    net = Net()
    net.balancer = Balancer(encoders(net), recipes.frequency("audio", k=2), features={"audio": lambda output: output})
    update(net, net.balancer)
    made = COPIES[case](net)
    assert update(made) > 0
    assert made.balancer.summary() == net.balancer.summary()


def test_a_copy_holds_neither_weights_nor_loaders():
    class Loader(list):
        def __deepcopy__(self, memo):
            raise AssertionError("a loader was copied")

        def __reduce__(self):
            raise AssertionError("a loader was pickled")

    net = Net()
    balancer = skipping(net)
    balancer.measure[1].loader = Loader()
    assert copy.deepcopy(balancer).params == {"audio": {}, "visual": {}}
    assert pickle.loads(pickle.dumps(balancer)).index == 1
