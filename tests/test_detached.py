"""A skipped encoder hands on what it returned: of the same kind, with the same values, without a gradient."""

import collections
import dataclasses
import enum
import types
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence
from transformers import BatchEncoding, DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPast

from asgml import Balancer, recipes
from asgml._detached import detached


@dataclasses.dataclass
class Plain:
    h: Tensor
    more: object = None


@dataclasses.dataclass(frozen=True, slots=True)
class Closed:
    h: Tensor


class Pair(NamedTuple):
    h: Tensor
    n: int


class Thing:
    __slots__ = ("__dict__", "h", "never_set")

    def __init__(self, h):
        self.h, self.inner = h, {1: [h]}


class Words(list):
    """A list with an attribute."""


class State(nn.Module):
    """A module as an output, as caches of transformers were."""

    def __init__(self, h):
        super().__init__()
        self.keys, self.weight = [h], nn.Parameter(torch.ones(2))


class Kind(enum.Enum):
    ONE = 1


def cache(h):
    made = DynamicCache()
    made.update(h[:, None, None], h[:, None, None], 0)
    return made


def words(h):
    made = Words([h])
    made.mask = h > 0
    made.second = h
    return made


def itself(h):
    made = Thing(h)
    made.me = made
    return made


OUTPUTS = {
    "tensor": lambda h: h,
    "tuple": lambda h: (h, None, 1, "a", Kind.ONE),
    "nested": lambda h: [[h], {"x": (h,)}],
    "named tuple": lambda h: Pair(h, 2),
    "result of torch": lambda h: h.max(0),
    "packed": lambda h: pack_sequence([h]),
    "integer keys": lambda h: {0: h, 1: [h]},
    "ordered": lambda h: collections.OrderedDict(b=h, a=h),
    "default": lambda h: collections.defaultdict(list, f=h),
    "user's": lambda h: collections.UserDict(f=h),
    "read only": lambda h: types.MappingProxyType({"f": h}),
    "chain": lambda h: collections.ChainMap({"f": h}, {"g": 1}),
    "deque": lambda h: collections.deque([h], maxlen=3),
    "set": lambda h: {h},
    "frozen set": lambda h: frozenset([h]),
    "list with attributes": words,
    "dataclass": lambda h: Plain(h, {"x": h}),
    "frozen dataclass": lambda h: Closed(h),
    "namespace": lambda h: types.SimpleNamespace(f=h, n=1),
    "slots": Thing,
    "refers to itself": itself,
    "distribution": lambda h: torch.distributions.Independent(torch.distributions.Normal(h, h.exp()), 1),
    "module": State,
    "beside arrays": lambda h: (h, h.detach().numpy(), h.dtype, h.device, h.shape, np, len, Thing),
    "model output": lambda h: BaseModelOutputWithPast(last_hidden_state=h, past_key_values=cache(h), hidden_states=(h, h)),
    "encoding": lambda h: BatchEncoding({"f": h}),
    "cache": cache,
}


def tensors(found, seen=None):
    """Yield (path, tensor) of all tensors that an output holds, weights of modules aside."""
    seen = seen if seen is not None else set()
    if isinstance(found, Tensor):
        yield found
        return
    if id(found) in seen or isinstance(found, type | types.ModuleType | types.BuiltinFunctionType | enum.Enum | np.ndarray):
        return
    seen.add(id(found))
    if isinstance(found, collections.abc.Mapping):
        parts = list(found.values())
    elif isinstance(found, list | tuple | set | frozenset | collections.deque):
        parts = list(found)
    else:
        parts = []
    parts += [value for name, value in getattr(found, "__dict__", {}).items() if name not in ("_parameters", "_modules")]
    parts += [getattr(found, name, None) for name in getattr(type(found), "__slots__", ()) if not name.startswith("__")]
    for part in parts:
        yield from tensors(part, seen)


class Encoder(nn.Module):
    def __init__(self, wrap):
        super().__init__()
        self.layer, self.wrap = nn.Linear(3, 4), wrap

    def forward(self, x):
        return self.wrap(self.layer(x))


@pytest.mark.parametrize("case", OUTPUTS)
def test_the_kind_and_the_values_stay_and_no_gradient_does(case):
    wrap, h = OUTPUTS[case], torch.linspace(0, 1, 8, requires_grad=True).reshape(2, 4)
    before = wrap(h)
    found, expected = detached(before), wrap(h.detach())
    assert type(found) is type(before)
    pairs = list(zip(tensors(found), tensors(expected), strict=True))
    assert pairs
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in pairs)
    assert not any(a.requires_grad for a, _ in pairs)
    assert any(t.requires_grad for t in tensors(before)), "and the output itself is as it was"


def test_what_belongs_to_the_class_stays_too():
    h = torch.ones(2, requires_grad=True)
    assert detached(collections.defaultdict(list, f=h)).default_factory is list
    assert detached(collections.deque([h], maxlen=3)).maxlen == 3
    assert list(detached(collections.OrderedDict(b=h, a=h))) == ["b", "a"]
    made = detached(itself(h))
    assert made.me is not None
    assert not made.h.requires_grad


@pytest.mark.parametrize("case", OUTPUTS)
def test_what_holds_no_gradient_is_handed_on(case):
    output = OUTPUTS[case](torch.ones(2, 4))
    found = detached(output)
    assert all(a is b for a, b in zip(tensors(found), tensors(output), strict=True))


@pytest.mark.parametrize("case", OUTPUTS)
def test_a_model_trains_with_it(case):
    torch.manual_seed(0)
    wrap, visual = OUTPUTS[case], nn.Linear(3, 4)
    audio = Encoder(wrap)
    take = lambda output: next(t for t in tensors(output) if t.is_floating_point()).reshape(-1, 4)
    balancer = Balancer({"audio": audio, "visual": visual}, recipes.frequency("audio", k=2), features={"audio": take})
    for t in range(4):
        audio.zero_grad(), visual.zero_grad()
        output, other = audio(torch.ones(2, 3)), visual(torch.ones(2, 3))
        (sum(x.sum() for x in tensors(output) if x.is_floating_point()) + other.sum()).backward()
        balancer.adjust()
        assert (audio.layer.weight.grad is None) == bool(t % 2)
    assert balancer.tally["audio"] == {"updated": 2, "skipped": 2, "held": 0}


class Unlike:
    """What no copy can be made of."""

    def __init__(self, h):
        self.h = h

    def __copy__(self):
        raise NotImplementedError("no copies")


class Rigid(tuple):
    def __new__(cls, h, n):
        return super().__new__(cls, (h, n))


@pytest.mark.parametrize(
    ("wrap", "kind"), [(Unlike, "Unlike"), (lambda h: Rigid(h, 1), "Rigid"), (lambda h: {"f": Unlike(h)}, "dict of Unlike")]
)
def test_what_cannot_be_cut_is_refused_at_the_first_forward(wrap, kind):
    audio = Encoder(wrap)
    take = lambda output: torch.ones(2, 4)
    with Balancer({"audio": audio}, recipes.frequency("audio", k=5), features={"audio": take}) as balancer:
        assert not balancer.skipping
        with pytest.raises(TypeError, match=f"'audio' may be skipped, but its output, {kind}, cannot be copied without its"):
            audio(torch.ones(2, 3))
    with Balancer({"audio": audio}, recipes.staleness("audio", tau=1), features={"audio": take}):
        audio(torch.ones(2, 3))  # nothing can be skipped here
