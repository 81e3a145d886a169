"""How much noise a stale gradient is: what `factor` of the entry `noise` has the variance that tau = 2 brings.

    python studies/noise_of_staleness.py phase2 [--set dataset.task=sum_mod_10]

Trains the baseline of an experiment with the seeds of its tuning, and compares each gradient of an encoder's weights with that
of two updates before: factor^2 = sum of the squared differences / sum of the elements' variances, over all updates.
"""

import argparse
from collections import deque

import torch
from torch import Tensor

from asgml.lab.config import Cell, Experiment
from asgml.lab.config.load import load_experiment
from asgml.lab.training.cell import prepare

TAU = 2
Gradients = dict[str, list[Tensor]]


def gradients(trainer: object) -> Gradients:
    """Copy the gradients of every encoder's weights."""
    encoders = trainer.model.encoders.items()
    return {m: [p.grad.clone() for p in e.parameters() if p.grad is not None and p.ndim > 1] for m, e in encoders}


def factors(cell: Cell) -> dict[str, float]:
    """Train one cell; return modality -> factor."""
    _, samples, trainer = prepare(cell)
    before: deque[Gradients] = deque(maxlen=TAU + 1)
    changed, spread = dict.fromkeys(trainer.model.encoders, 0.0), dict.fromkeys(trainer.model.encoders, 0.0)
    adjust = trainer.balancer.adjust

    def watched(targets: Tensor) -> object:
        before.append(gradients(trainer))
        for m, now in before[-1].items() if len(before) > TAU else ():
            changed[m] += sum((g - old).square().sum().item() for g, old in zip(now, before[0][m], strict=True))
            spread[m] += sum(g.numel() * g.var().item() for g in now)
        return adjust(targets)

    trainer.balancer.adjust = watched
    while trainer.epoch < trainer.train.epochs:
        trainer.run_epoch(samples["train"])
    return {m: (changed[m] / spread[m]) ** 0.5 for m in changed}


def cells(experiment: Experiment) -> list[Cell]:
    """The baseline of the first data set, one cell per seed of the tuning."""
    data = next(iter(experiment.datasets.values()), experiment.dataset)
    plain = experiment.model_copy(update={"datasets": {}, "dataset": data, "tune": None, "primary": ()}).tuned()
    return [c for c in plain.model_copy(update={"seeds": experiment.tune.seeds}).cells() if c.method == "baseline"]


def main() -> None:
    """Print one line a seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment")
    parser.add_argument("--set", action="append", default=[], dest="sets")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for cell in cells(load_experiment(arguments.experiment, arguments.sets)):
        print(cell.seed, {m: round(f, 3) for m, f in factors(cell).items()}, flush=True)


if __name__ == "__main__":
    main()
