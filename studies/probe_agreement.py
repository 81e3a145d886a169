"""How often the online readings name the leader that the offline probe names, on held-out data: one line per call.

    python studies/probe_agreement.py --epochs 10 --batch 64 --seeds 0 4 --train-size 300 --lr 0.1

keypad; plain training and frequency k = 2 on either side; counted are the epochs whose offline gap on the test split
exceeds 5 points.
"""

import argparse
from collections.abc import Iterator

import torch
from torch.nn.functional import cross_entropy

from asgml import Balancer, Recipe, fit_probe, recipes
from asgml.diagnostics import Probe, ValidationProbe
from asgml.lab import datasets
from asgml.lab.config import Model
from asgml.lab.datasets.settings import Keypad
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training import seeding
from asgml.lab.training.evaluation import Samples, encode

APART = 0.05
METHODS = (Recipe(), recipes.frequency("audio", 2), recipes.frequency("visual", 2))


def gaps(seed: int, recipe: Recipe, options: argparse.Namespace) -> Iterator[tuple[float, float, float]]:
    """Yield per epoch audio's lead over visual: offline, by the training reading, by the validation reading."""
    data = datasets.load(Keypad(train_size=options.train_size), seed)
    train, held, test = (Samples.of(split, data.modalities) for split in (data.train, data.validation, data.test))
    model = LateFusion(train.inputs, Model(), len(data.classes), seed)
    optimizer = torch.optim.SGD(model.parameters(), options.lr, 0.9, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs)
    encoders, batches = dict(model.encoders.items()), [held.rows(slice(n, n + 60)) for n in range(0, len(held.labels), 60)]
    probes = [Probe(10), ValidationProbe(10, encoders, batches, score_every=1, decay=0.8)]
    balancer = Balancer(encoders, recipe, measure=probes)
    for epoch in range(options.epochs):
        for rows in seeding.order(len(train.labels), options.batch, seed, "order", epoch):
            inputs, targets = train.rows(rows)
            cross_entropy(model(inputs)[0], targets).backward()
            balancer.adjust(targets)
            optimizer.step()
            optimizer.zero_grad()
        scheduler.step()
        seen, new = encode(model, train), encode(model, test)
        offline = {m: fit_probe(x, seen.labels).accuracy(new.features[m], new.labels) for m, x in seen.features.items()}
        readings = (offline, *(balancer.readings[p.name] for p in probes))
        yield tuple(r["audio"] - r["visual"] for r in readings)  # type: ignore[misc]


def main() -> None:
    """Count agreements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 4))
    parser.add_argument("--train-size", type=int)
    parser.add_argument("--lr", type=float, default=0.1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = [gap for seed in range(*options.seeds) for recipe in METHODS for gap in gaps(seed, recipe, options)]
    told = [gap for gap in found if abs(gap[0]) > APART]
    shares = [100 * sum((gap[0] > 0) == (gap[n] > 0) for gap in told) / len(told) for n in (1, 2)]
    print(f"{len(told)} epochs: Probe {shares[0]:.1f} %, ValidationProbe {shares[1]:.1f} %")


if __name__ == "__main__":
    main()
