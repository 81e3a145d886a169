"""How often the online readings name the leader that the offline probe names, on held-out data: one line per reading.

    python studies/probe_agreement.py --epochs 10 --batch 64 --seeds 0 4 --train-size 300 [--root FSDD]

keypad, or avdigits where its folder is given; plain training and frequency k = 2 on either side. Counted are the epochs whose
offline gap exceeds 5 points: on the test split, which no reading sees, and on the validation split, which two of them read. The
offline gap on the validation split is the ceiling of the first count: an offline probe against another split's.
"""

import argparse
from collections.abc import Iterator

import torch
from torch.nn.functional import cross_entropy

from asgml import Balancer, Recipe, fit_probe, recipes
from asgml.lab import datasets
from asgml.lab.config import Model
from asgml.lab.datasets.settings import AVDigits, Keypad
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training import seeding
from asgml.lab.training.evaluation import Outputs, Samples, encode
from asgml.monitors import Probe, ValidationProbe

APART, ROWS, SEEN = 0.05, 180, 512
METHODS = (Recipe(), recipes.frequency("audio", 2), recipes.frequency("visual", 2))
READINGS = ("probe", "validation_probe", "fitted anew")


def probes(model: LateFusion, train: Samples, held: Samples, steps: int) -> list[Probe | ValidationProbe]:
    """Return what is compared; held-out rows are scored four times an epoch, as the lab does."""
    encoders, often = dict(model.encoders.items()), max(1, steps // 4)
    batches = [held.rows(slice(n, n + ROWS)) for n in range(0, len(held.labels), ROWS)]
    seen, decay = [train.rows(slice(n, n + SEEN)) for n in range(0, len(train.labels), SEEN)], 0.5
    return [
        Probe(10),
        ValidationProbe(10, encoders, batches, often, decay=decay),
        ValidationProbe(10, encoders, batches, often, decay=decay, name=READINGS[2], training=seen),
    ]


def offline(seen: Outputs, new: Outputs) -> dict[str, float]:
    """Return modality -> accuracy of the converged probe."""
    return {m: fit_probe(x, seen.labels).accuracy(new.features[m], new.labels) for m, x in seen.features.items()}


def gaps(seed: int, recipe: Recipe, options: argparse.Namespace) -> Iterator[dict[str, float]]:
    """Yield per epoch audio's lead over visual, by every probe."""
    size = {"train_size": options.train_size}
    data = datasets.load(AVDigits(root=options.root, **size) if options.root else Keypad(**size), seed)
    train, held, test = (Samples.of(split, data.modalities) for split in (data.train, data.validation, data.test))
    model = LateFusion(train.inputs, Model(), len(data.classes), seed)
    optimizer = torch.optim.SGD(model.parameters(), options.lr, 0.9, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs)
    measure = probes(model, train, held, -(-len(train.labels) // options.batch))
    balancer = Balancer(dict(model.encoders.items()), recipe, measure=measure)
    for epoch in range(options.epochs):
        for rows in seeding.order(len(train.labels), options.batch, seed, "order", epoch):
            inputs, targets = train.rows(rows)
            cross_entropy(model(inputs)[0], targets).backward()
            balancer.adjust(targets)
            optimizer.step()
            optimizer.zero_grad()
        scheduler.step()
        seen = encode(model, train)
        found = {"validation": offline(seen, encode(model, held)), "test": offline(seen, encode(model, test))}
        yield {name: r["audio"] - r["visual"] for name, r in (found | dict(balancer.readings)).items()}


def line(name: str, found: list[dict[str, float]]) -> str:
    """Say how often a reading's sign is the offline gap's."""
    words = [f"{name:18}"]
    for split in ("test", "validation"):
        told = [gap for gap in found if abs(gap[split]) > APART]
        right = sum((gap[split] > 0) == (gap[name] > 0) for gap in told)
        words.append(f"{split} {100 * right / max(1, len(told)):5.1f} % of {len(told)}")
    return "  ".join(words)


def main() -> None:
    """Count agreements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 4))
    parser.add_argument("--train-size", type=int)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--root", help="the Free Spoken Digit Dataset: avdigits instead of keypad")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = [gap for seed in range(*options.seeds) for recipe in METHODS for gap in gaps(seed, recipe, options)]
    print("\n".join(line(name, found) for name in (*READINGS, "validation")))


if __name__ == "__main__":
    main()
