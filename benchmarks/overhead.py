"""What the Balancer costs: ratios of a training step's time to the bare loop's. `make bench` runs it.

One process, one thread, all variants interleaved in an order drawn anew each round, so that a busy machine slows all alike.
Each variant's time is divided by the bare loop's of the same round; shown are the median ratio and its 95 % interval
(order statistics of the rounds). A round is `STEPS` updates of every variant.
"""

import argparse
import gc
import itertools
import math
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from asgml import Balancer, Readings, Recipe
from asgml.interventions import Delay, Intervention, Scale, Skip
from asgml.monitors import GradNorm, Monitor, Probe, Score, ValidationProbe
from asgml.policies import Constant, OneIn
from models import CLASSES, SIZES, Pair, Size, batches

STEPS = 2  # a skip of every other step needs two
BOTH = ("audio", "visual")


@dataclass
class Variant:
    """One way to run the loop. `by_hand` tells whose feature the bare loop detaches in a step."""

    recipe: Callable[[Pair, Size], Recipe] | None
    limit: float | None = None
    by_hand: Callable[[int], frozenset[str]] = lambda step: frozenset()
    against: str = "bare"


def score(model: Pair, size: Size) -> Score:
    """Both modalities' share of the final layer, as OGM-GE has it."""
    return Score.split(model.head, dict.fromkeys(BOTH, size.width))


def ogm_like(index: int, readings: Readings) -> dict[str, float]:
    """Slow whoever has the higher score, by a hyperbolic tangent of the ratio."""
    audio, visual = (readings["score"][m] for m in BOTH)
    ratios = {"audio": audio / visual, "visual": visual / audio}
    return {m: 1 - math.tanh(0.8 * ratio) if ratio > 1 else 1.0 for m, ratio in ratios.items()}


def always(*parts: Monitor | Intervention) -> Callable[[Pair, Size], Recipe]:
    """A recipe that needs nothing of the model."""
    looks = tuple(p for p in parts if isinstance(p, Monitor))
    acts = tuple(p for p in parts if isinstance(p, Intervention))
    return lambda model, size: Recipe(looks, acts)


def held_out(model: Pair, size: Size) -> Recipe:
    """Every other step, as many held-out and as many training rows as a batch has: half a measurement a step."""
    made = [({"audio": audio, "visual": visual}, labels) for audio, visual, labels in itertools.islice(batches(size), 2)]
    encoders = {"audio": model.audio, "visual": model.visual}
    return Recipe((ValidationProbe(CLASSES, encoders, made[:1], score_every=2, training=made[1:]),))


AUDIO = frozenset({"audio"})
VARIANTS = {
    "bare": Variant(None),
    "idle": Variant(always(), 1.01),
    "GradNorm": Variant(always(GradNorm()), 1.02),
    "GradNorm + Probe": Variant(always(GradNorm(), Probe(CLASSES)), 1.05),
    "GradNorm + Probe + Score": Variant(lambda m, s: Recipe((GradNorm(), Probe(CLASSES), score(m, s))), 1.05),
    "ValidationProbe, every other": Variant(held_out),
    "Delay 2, one side": Variant(always(Delay({"audio": 2})), 1.05),
    "Delay 4, both": Variant(always(Delay(dict.fromkeys(BOTH, 4))), 1.04),
    "Scale, both": Variant(lambda m, s: Recipe((score(m, s),), (Scale(ogm_like),)), 1.02),
    "by hand, every other": Variant(None, by_hand=lambda step: AUDIO if step % 2 else frozenset()),
    "skip every other": Variant(always(Skip(OneIn(2, "audio"))), 0.03, against="by hand, every other"),
    "by hand, always": Variant(None, by_hand=lambda step: AUDIO),
    "skip always": Variant(always(Skip(Constant({"audio": True}))), 0.03, against="by hand, always"),
}


def loop(size: Size, variant: Variant) -> Iterator[Balancer | None]:
    """Train for ever; every `next` is one update."""
    model, data = Pair(size), batches(size)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    encoders = {"audio": model.audio, "visual": model.visual}
    balancer = Balancer(encoders, variant.recipe(model, size)) if variant.recipe else None
    for step, (audio, visual, labels) in enumerate(data):
        model.cut = variant.by_hand(step)
        cross_entropy(model(audio, visual), labels).backward()
        if balancer:
            balancer.adjust(labels)
        optimizer.step()
        optimizer.zero_grad()
        yield balancer


def seconds(running: Iterator[Balancer | None]) -> float:
    """Time one round of one variant."""
    began = time.perf_counter()
    for _ in range(STEPS):
        next(running)
    return time.perf_counter() - began


def measure(size: Size, rounds: int) -> dict[str, list[float]]:
    """Return variant -> seconds per step, one per round."""
    running = {name: loop(size, variant) for name, variant in VARIANTS.items()}
    for name in running:
        seconds(running[name])
        seconds(running[name])
    times: dict[str, list[float]] = {name: [] for name in running}
    gc.disable()
    for n in range(rounds):
        for name in random.Random(n).sample(list(running), len(running)):
            times[name].append(seconds(running[name]) / STEPS)
        gc.collect()
    gc.enable()
    return times


def interval(values: list[float]) -> tuple[float, float, float]:
    """Return the median and its 95 % interval by order statistics."""
    ordered, n = sorted(values), len(values)
    reach = math.ceil(1.96 * math.sqrt(n) / 2)
    low, high = max(0, n // 2 - reach), min(n - 1, n // 2 + reach)
    return statistics.median(ordered), ordered[low], ordered[high]


def ratios(times: dict[str, list[float]], name: str, other: str) -> list[float]:
    """Divide round by round."""
    return [a / b for a, b in zip(times[name], times[other], strict=True)]


def show(name: str, size: Size, times: dict[str, list[float]]) -> None:
    """Print one table."""
    step = 1000 * statistics.median(times["bare"])
    print(f"\n{name}: bare step {step:.1f} ms, {len(times['bare'])} rounds of {STEPS} steps"
          f"{'' if size.targets else ' (no targets: too small)'}")  # fmt: skip
    print(f"{'case':30}{'ratio':>8}{'95 % interval':>18}   target")
    for case, variant in VARIANTS.items():
        middle, low, high = interval(ratios(times, case, "bare"))
        print(f"{case:30}{middle:8.3f}{f'{low:.3f}-{high:.3f}':>18}   {verdict(case, variant, size, times)}")


def verdict(case: str, variant: Variant, size: Size, times: dict[str, list[float]]) -> str:
    """Say how a case stands to its target: met if its interval reaches down to it."""
    if variant.limit is None or not size.targets:
        return ""
    if variant.against == "bare":
        middle, low, _ = interval(ratios(times, case, "bare"))
        what = f"at most {variant.limit:.2f}"
    else:
        pairs = zip(times[case], times[variant.against], times["bare"], strict=True)
        middle, low, high = interval([(a - b) / bare for a, b, bare in pairs])
        what = f"{middle:+.3f} ({low:+.3f} to {high:+.3f}) above {variant.against!r}, at most +{variant.limit:.2f}"
    return f"{what}: {'met' if middle <= variant.limit else 'within noise' if low <= variant.limit else 'MISSED'}"


def memory(size: Size) -> str:
    """Count the bytes of gradients that a delay keeps alive between updates, in copies of an encoder's gradient."""
    running = loop(size, VARIANTS["Delay 4, both"])
    balancer = [next(running) for _ in range(12)][-1]
    assert balancer is not None
    queues = balancer.state_dict()["parts"]["act.0.Delay"]["queues"]
    held = {
        g.untyped_storage().data_ptr(): g.untyped_storage().nbytes() for q in queues.values() for gs in q for g in gs.values()
    }
    both = sum(p.numel() * p.element_size() for m in BOTH for p in balancer.params[m].values())
    return f"kept by 'Delay 4, both' between updates: {sum(held.values()) / both:.2f} copies of the encoders' gradients"


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--size", choices=SIZES, action="append")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, Python {platform.python_version()}, {platform.machine()}, one thread")
    for name in arguments.size or SIZES:
        show(name, SIZES[name], measure(SIZES[name], arguments.rounds))
        print(memory(SIZES[name]))


if __name__ == "__main__":
    main()
