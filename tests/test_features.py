"""What is kept of encoders' outputs: what they returned, no more than the parts need, and never without end."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, relu

from asgml import Balancer, recipes
from asgml.interventions import Intervention, Record, Scale
from asgml.monitors import Derived, GradNorm, Monitor, Probe, Score, Smoothed, ValidationProbe, WeightDrift


class Look(Monitor):
    """Somebody's own, which remembers what it saw."""

    name = "look"

    def __init__(self):
        self.seen = []

    def measure(self, step):
        self.seen.append({m: x.clone() for m, x in step.features.items()})
        return {}


IN_PLACE = {
    "relu": (relu, lambda h: relu(h, inplace=True)),
    "module": (nn.ReLU(), nn.ReLU(inplace=True)),
    "mul_": (lambda h: h * 0, lambda h: h.mul_(0)),
    "add_": (lambda h: h + 5, lambda h: h.add_(5)),
    "masked_fill_": (lambda h: h.masked_fill(h < 0.5, 0), lambda h: h.masked_fill_(h < 0.5, 0)),
    "a view": (lambda h: torch.cat([h[:, :2] * 3, h[:, 2:]], 1), lambda h: (h[:, :2].mul_(3), h)[1]),
    "index": (lambda h: h.index_fill(1, torch.tensor([1]), 7.0), lambda h: h.index_fill_(1, torch.tensor([1]), 7.0)),
    "copy_": (lambda h: h - h.detach(), lambda h: h.sub_(h.detach().clone())),
    "under no_grad": (lambda h: h + 0, lambda h: _overwritten(h)),
}


def _overwritten(h):
    with torch.no_grad():
        h.detach().mul_(1.0)
    return h


class Net(nn.Module):
    def __init__(self, after=relu):
        super().__init__()
        torch.manual_seed(0)
        self.audio, self.visual, self.head = nn.Linear(4, 5), nn.Linear(6, 5), nn.Linear(10, 3)
        self.after = after

    def forward(self, audio, visual):
        return self.head(torch.cat([self.after(self.audio(audio)), self.visual(visual)], 1))


def encoders(net):
    return {"audio": net.audio, "visual": net.visual}


def batch(seed, rows=8):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 4, generator=g), torch.randn(rows, 6, generator=g), torch.randint(3, (rows,), generator=g)


def train(after, recipe=None, updates=6, micro=1, model=False, after_now=None):
    net, look = Net(after), Look()
    balancer = Balancer(encoders(net), recipe, measure=[look, Probe(3)], model=net if model else None)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for t in range(updates):
        if after_now:
            net.after = after_now(t)
        for n in range(micro):
            audio, visual, labels = batch(10 * t + n)
            cross_entropy(net(audio, visual), labels).backward()
            balancer.observe(labels)
        balancer.adjust()
        optimizer.step()
        optimizer.zero_grad()
    return look.seen, balancer, net


@pytest.mark.parametrize("recipe", [lambda: None, lambda: recipes.frequency("audio", k=2)], ids=["look", "skip"])
@pytest.mark.parametrize(("micro", "model"), [(1, False), (2, True)])
@pytest.mark.parametrize("name", IN_PLACE)
def test_what_is_changed_in_place_behind_an_encoder_is_seen_as_it_was(name, micro, model, recipe):
    (pure, one, _), (in_place, other, _) = (train(after, recipe(), micro=micro, model=model) for after in IN_PLACE[name])
    for a, b in zip(pure, in_place, strict=True):
        assert a.keys() == b.keys() == {"audio", "visual"}
        assert all(torch.equal(a[m], b[m]) for m in a)
    assert one.readings == other.readings


def test_changes_that_begin_later_lose_one_update_with_words_and_then_nothing():
    later = lambda t: relu if t < 2 else nn.ReLU(inplace=True)
    expected, _, _ = train(relu)
    with pytest.warns(UserWarning, match="the output of encoder 'audio' was changed in place after its forward") as said:
        seen, balancer, _ = train(relu, after_now=later)
    assert len(said) == 1
    assert [set(found) for found in seen] == [{"audio", "visual"}] * 2 + [{"visual"}] + [{"audio", "visual"}] * 3
    assert all(torch.equal(found[m], whole[m]) for found, whole in zip(seen, expected, strict=True) for m in found)
    assert balancer.tally["audio"]["updated"] == 6, "it took part in the update all the same"


def test_copies_are_made_only_where_they_are_needed():
    """After the first update the feature is the encoder's very output, save where it is changed in place."""
    for after, shared in ((relu, True), (nn.ReLU(inplace=True), False)):
        _, balancer, net = train(after, updates=2)
        output = net.audio(batch(0)[0])
        ((_, kept),) = balancer._taps._taps["audio"].kept
        assert (kept.data_ptr() == output.data_ptr()) is shared


def test_inside_a_compiled_model_too():
    seen = []
    for after in IN_PLACE["relu"]:
        net, look = Net(after), Look()
        balancer = Balancer(encoders(net), measure=[look])
        compiled = torch.compile(net, backend="eager")
        for t in range(2):
            audio, visual, labels = batch(t)
            cross_entropy(compiled(audio, visual), labels).backward()
            balancer.adjust()
        seen.append(look.seen)
        torch._dynamo.reset()
    assert all(torch.equal(a[m], b[m]) for a, b in zip(*seen, strict=True) for m in ("audio", "visual"))


class Wide(nn.Module):
    """Returns a token sequence (B, 50, 40)."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(4, 40)

    def forward(self, x):
        return self.last(x[:, None].expand(-1, 50, -1))


def bytes_kept(balancer):
    """What the tensors hold alive that are kept of encoders, each storage once."""
    stores = [tap.store for tap in balancer._taps._taps.values()]
    tensors = [x for store in stores for x in (*(x for _, x in store.features), *(x for x, _ in store._watched))]
    return sum({x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in tensors}.values())


class Own(Monitor):
    name = "own"

    def measure(self, step):
        return {m: x.float().mean() for m, x in step.features.items()}


class OwnNorm(GradNorm):
    """Does not say whether it looks at features."""

    def measure(self, step):
        return {m: x.float().mean() for m, x in step.features.items()}


class Says(Monitor):
    name, needs_features = "says", False

    def measure(self, step):
        return {}


class Acts(Intervention):
    pass


class Made(Derived):
    name, reads = "made", frozenset({"grad_norm"})


READERS = {
    "nobody": ({}, 0),
    "a norm": ({"measure": [GradNorm(), WeightDrift(), Smoothed(GradNorm()), Made()]}, 0),
    "interventions": (
        {"act": [Scale({"wide": 0.5})], "recipe": recipes.staleness("wide", 1)},
        0,
    ),
    "one that says so": ({"measure": [Says()]}, 0),
    "a probe": ({"measure": [Probe(3)]}, 1),
    "a probe inside": ({"measure": [Smoothed(Probe(3))]}, 1),
    "somebody's own": ({"measure": [Own()]}, 1),
    "somebody's own of ours": ({"measure": [OwnNorm()]}, 1),
    "somebody's own that acts": ({"act": [Acts()]}, 1),
}


@pytest.mark.parametrize("view", [False, True])
@pytest.mark.parametrize("name", READERS)
def test_no_more_is_kept_than_parts_read_and_of_a_view_its_own_numbers(name, view):
    parts, reads = READERS[name]
    encoder, rows, forwards = Wide(), 8, 5
    features = {"wide": lambda output: output[:, 0]} if view else {}
    balancer = Balancer({"wide": encoder}, features=features, **parts)
    for _ in range(2):
        for _ in range(forwards):
            encoder(torch.ones(rows, 4)).sum().backward()
        size = forwards * rows * 40 * 4 * (1 if view else 50)
        copies = 2 if balancer.index == 0 and not view else 1  # the first update looks whether it needs them
        assert bytes_kept(balancer) == reads * copies * size
        balancer.adjust(torch.zeros(rows * forwards, dtype=torch.long))


def test_a_validation_probe_that_is_fitted_to_batches_of_its_own_needs_no_features():
    net = Net()
    held = [({"audio": torch.ones(4, 4)}, torch.zeros(4, dtype=torch.long))]
    for training, needed in ((None, True), (held, False)):
        probe = ValidationProbe(3, {"audio": net.audio}, held, training=training)
        balancer = Balancer(encoders(net), measure=[probe])
        net(*batch(0)[:2])
        assert bool(balancer._taps._taps["audio"].kept[0][1].numel()) is needed
        balancer.remove()


def test_rows_are_checked_although_nothing_is_kept():
    net = Net()
    balancer = Balancer(encoders(net), measure=[GradNorm()])
    net(*batch(0)[:2])
    words = r"`targets` have 3 rows, the feature of 'audio' has 8: .* `present=\{'audio': mask\}` .* call `forget\(\)`"
    with pytest.raises(ValueError, match=words):
        balancer.observe(torch.tensor([0, 1, 2]))


def run(encoder, times):
    for _ in range(times):
        encoder(torch.ones(1, 2))


def test_forwards_that_no_update_follows_are_told_of_or_take_no_memory():
    encoder = nn.Linear(2, 3)
    balancer = Balancer({"a": encoder}, measure=[Probe(3)])
    with pytest.warns(
        UserWarning, match=r"1000 forwards of encoder 'a' were seen since the last `adjust`, .* `balancer.forget"
    ) as said:
        run(encoder, 1500)
    assert len(said) == 1
    balancer.forget()
    balancer.remove()
    balancer = Balancer({"a": encoder}, measure=[GradNorm()])
    for _ in range(1500):
        encoder(torch.ones(1, 2))
    assert len(balancer._taps._taps["a"].kept) < 200
    assert balancer._taps.rows("a") is not None


def test_large_features_are_told_of_sooner():
    encoder = nn.Linear(2, 200_000, bias=False)
    balancer = Balancer({"a": encoder}, measure=[Probe(3)])
    with pytest.warns(UserWarning, match="100 forwards of encoder 'a' .* 76 MiB"):
        run(encoder, 100)
    balancer.remove()


def test_scores_and_records_see_the_same_as_before():
    net = Net(nn.ReLU(inplace=True))
    record = Record()
    balancer = Balancer(encoders(net), measure=[Score({"audio": nn.Linear(5, 3)}), record], act=[record])
    audio, visual, labels = batch(0)
    cross_entropy(net(audio, visual), labels).backward()
    assert set(balancer.adjust(labels)["score"]) == {"audio"}
