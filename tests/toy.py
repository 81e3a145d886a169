"""A small late-fusion model with any number of modalities, its data, and a plain training loop that every test shares."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from asgml import Balancer, Recipe

TWO, THREE = ("audio", "visual"), ("audio", "visual", "text")
WIDTH, CLASSES, FEATURE = {"audio": 4, "visual": 6, "text": 3}, 3, 5


class Encoder(nn.Module):
    """Two layers, and one parameter that no forward uses."""

    def __init__(self, width: int):
        super().__init__()
        self.first, self.last = nn.Linear(width, 7), nn.Linear(7, FEATURE)
        self.unused = nn.Parameter(torch.ones(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.first(x)))


class Toy(nn.Module):
    """Each modality's weights come from a seed of its own, so that names and order change no bit of them."""

    def __init__(self, modalities: Sequence[str], like: Mapping[str, str] | None = None):
        super().__init__()
        self.like = like or {m: m for m in modalities}
        self.encoders, self.heads = nn.ModuleDict(), nn.ModuleDict()
        self.batch = ({}, torch.empty(0))
        """The inputs and labels of the update that runs, whole, for what runs an encoder anew."""
        for m in modalities:
            torch.manual_seed(list(WIDTH).index(self.like[m]))
            self.encoders[m], self.heads[m] = Encoder(WIDTH[self.like[m]]), nn.Linear(FEATURE, CLASSES)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        terms = {self.like[m]: self.heads[m](self.encoders[m](x)) for m, x in inputs.items()}
        return torch.stack([terms[kind] for kind in WIDTH if kind in terms]).sum(0)


def batches(modalities: Sequence[str], n: int, rows: int = 8, like: Mapping[str, str] | None = None):
    like = like or {m: m for m in modalities}
    made = []
    for step in range(n):
        inputs = {}
        for m in modalities:
            g = torch.Generator().manual_seed(1000 * step + list(WIDTH).index(like[m]))
            inputs[m] = torch.randn(rows, WIDTH[like[m]], generator=g)
        labels = torch.randint(CLASSES, (rows,), generator=torch.Generator().manual_seed(step))
        made.append((inputs, labels))
    return made


@dataclass
class Run:
    """A training run and what every step of it looked like."""

    model: Toy
    optimizer: torch.optim.Optimizer
    balancer: Balancer | None
    raw: list[dict[str, Tensor | None]] = field(default_factory=list)
    """Per step: name -> gradient before `adjust`."""
    applied: list[dict[str, Tensor | None]] = field(default_factory=list)
    """Per step: name -> gradient after `adjust`."""

    def weights(self) -> dict[str, Tensor]:
        return {name: p.detach().clone() for name, p in self.model.named_parameters()}


def start(
    modalities, recipe: Recipe | Callable[[Toy], Recipe] | None, *, bare=False, like=None, order=None, optimizer="adamw"
) -> Run:
    model = Toy(modalities, like)
    kinds: dict[str, Callable] = {
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1, fused=True),
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
        "plain": lambda p: torch.optim.SGD(p, lr=0.1),
    }
    encoders = {m: model.encoders[m] for m in order or modalities}
    made = recipe(model) if callable(recipe) else recipe
    return Run(model, kinds[optimizer](model.parameters()), None if bare else Balancer(encoders, made))


def advance(run: Run, data, *, micro: int = 1, before_adjust: Callable[[int, Run], None] = lambda t, run: None) -> Run:
    for t, (inputs, labels) in enumerate(data):
        run.model.batch = (inputs, labels)
        parts = zip(*[x.chunk(micro) for x in (*inputs.values(), labels)], strict=True)
        for part in parts:
            xs = dict(zip(inputs, part[:-1], strict=True))
            (nn.functional.cross_entropy(run.model(xs), part[-1]) / micro).backward()
        before_adjust(t, run)
        run.raw.append(grads(run.model))
        if run.balancer:
            run.balancer.adjust(labels)
        run.applied.append(grads(run.model))
        run.optimizer.step()
        run.optimizer.zero_grad()
    return run


def grads(model: nn.Module) -> dict[str, Tensor | None]:
    return {name: None if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}


def train(modalities, recipe=None, steps=8, *, micro=1, bare=False, like=None, order=None, optimizer="adamw") -> Run:
    run = start(modalities, recipe, bare=bare, like=like, order=order, optimizer=optimizer)
    return advance(run, batches(modalities, steps, like=like), micro=micro)


def through_file(state):
    """Save and load as a checkpoint does, by the reader that admits no code."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def identical(a, b) -> bool:
    """Compare nested plain Python and tensors bit for bit."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return isinstance(a, Tensor) and isinstance(b, Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(identical(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(map(identical, a, b))
    return type(a) is type(b) and a == b
