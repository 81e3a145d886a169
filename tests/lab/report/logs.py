"""Logs with known numbers: run folders as the store lays them out, event files as other programs write them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asgml.lab import store
from asgml.lab.report.model import Method, Run, Series, Study

Curve = Sequence[float]
Probes = Mapping[str, Curve]
STEPS = 4
"""Updates an epoch."""

SEED_DOCUMENT: dict[str, dict[str, tuple[float, float, dict[int, float]]]] = {
    "baseline": {
        "audio": (42.65, 48.86, {1: 31.41, 5: 43.09, 10: 42.15, 13: 46.17}),
        "visual": (29.60, 35.03, {1: 23.22, 5: 31.01, 10: 29.13, 13: 29.53}),
    },
    "frequency_k2": {
        "audio": (39.67, 44.83, {1: 35.57, 5: 34.36, 10: 41.61, 13: 41.88}),
        "visual": (30.03, 34.50, {1: 23.62, 5: 29.26, 10: 32.35, 13: 31.54}),
    },
    "staleness_t2": {
        "audio": (44.097, 52.48, {1: 34.63, 5: 39.60, 10: 47.92, 13: 50.74}),
        "visual": (30.293, 33.29, {1: 23.22, 5: 31.54, 10: 27.25, 13: 32.62}),
    },
}
"""Method -> modality -> average, maximum and known epochs (percent) of the Phase 1 analysis, 13 epochs."""
SEED_NORMS = {"baseline": (145989, 539047), "frequency_k2": (213196, 536778), "staleness_t2": (118592, 280912)}


def seed_curve(average: float, highest: float, known: Mapping[int, float]) -> list[float]:
    """13 shares with this average and maximum (at epoch 7), and these values at the known epochs."""
    fixed = {**known, 7: highest}
    rest = (13 * average - sum(fixed.values())) / (13 - len(fixed))
    return [fixed.get(epoch, rest) / 100 for epoch in range(1, 14)]


def seed_probes(method: str) -> dict[str, list[float]]:
    """The probe curves of a method of the Phase 1 analysis."""
    return {m: seed_curve(*numbers) for m, numbers in SEED_DOCUMENT[method].items()}


def gaps(probes: Probes) -> list[float]:
    """Largest minus smallest, epoch by epoch."""
    return [max(row) - min(row) for row in zip(*probes.values(), strict=True)]


def split(probes: Probes, i: int, accuracy: float, f1: float) -> dict[str, Any]:
    """One split of an epoch's record."""
    scores = {"accuracy": accuracy, "f1_macro": f1, "loss": 1 - accuracy, "probe_acc": {m: c[i] for m, c in probes.items()}}
    scores |= {"probe_online_acc": scores["probe_acc"], "probe_acc_joint": accuracy}
    return scores | ({"utilization_gap": gaps(probes)[i]} if len(probes) > 1 else {})


def header(modalities: Sequence[str], **more: Any) -> dict[str, Any]:
    """The first record of a cell."""
    return {"kind": "header", "modalities": list(modalities), "dataset_modalities": ["audio", "visual"], "classes": ["0", "1"],
            "note": "Split by image, paired at random.", "sizes": {"train": 800, "validation": 100, "test": 400},
            "parameters": 12345, "versions": {"asgml": "0.1.0", "torch": "2.13.0"}, **more}  # fmt: skip


def records(probes: Probes, accuracy: Curve, *, norms: Mapping[str, float] | None = None, skip: str | None = None,
            f1: Curve | None = None, **more: Any) -> list[dict[str, Any]]:  # fmt: skip
    """All records of a cell; the gradient norm of modality m at update t is `norms[m] + t`."""
    found, n = [header(list(probes), **more)], len(accuracy)
    f1 = f1 or [a - 0.02 for a in accuracy]
    for epoch in range(1, n + 1):
        for step in range((epoch - 1) * STEPS, epoch * STEPS):
            grads = {m: (norms or {}).get(m, 10.0) + step for m in probes if not (m == skip and step % 2)}
            found.append({"kind": "step", "step": step, "epoch": epoch, "loss": 1.0, "lr": 0.1,
                          "total_norm": math.hypot(*grads.values()), "grad_norm": grads, "skipped": [],
                          "held": []})  # fmt: skip
        shares = {m: 0.5 if m == skip else 0.0 for m in probes}
        scores = {s: split(probes, epoch - 1, accuracy[epoch - 1], f1[epoch - 1]) for s in ("validation", "test")}
        scores["train"] = split(probes, epoch - 1, min(1.0, accuracy[epoch - 1] + 0.05), f1[epoch - 1])
        found.append({"kind": "epoch", "epoch": epoch, "step": epoch * STEPS - 1, "seconds": 2.0 + epoch,
                      "skipped_share": shares, "held_share": dict.fromkeys(probes, 0.0), **scores})  # fmt: skip
    return found


def write_cell(run: Path, method: str, seed: int, lines: Sequence[Mapping[str, Any]], best_epoch: int | None = None) -> Path:
    """A finished cell."""
    cell = store.cell_folder(run, method, seed)
    cell.mkdir(parents=True)
    (cell / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    epochs = sum(line["kind"] == "epoch" for line in lines)
    (cell / "result.json").write_text(json.dumps({"status": "finished", "best_epoch": best_epoch or epochs}))
    return cell


def fail_cell(run: Path, method: str, seed: int, reason: str) -> None:
    """A cell that failed."""
    cell = store.cell_folder(run, method, seed)
    cell.mkdir(parents=True)
    (cell / "result.json").write_text(json.dumps({"status": "failed", "reason": reason}))


def write_experiment(run: Path, methods: Mapping[str, Any], seeds: Sequence[int], **more: Any) -> None:
    """The resolved experiment."""
    run.mkdir(parents=True, exist_ok=True)
    train = {"epochs": 4, "batch_size": 64, "lr": 0.05, "unimodal_loss": 0.0, **more.pop("train", {})}
    settings = {"name": "phase1", "dataset": {"name": "keypad", "snr_db": -10.0}, "model": {"fusion": "concat"}, "train": train,
                "seeds": list(seeds), "methods": methods, **more}  # fmt: skip
    (run / "experiment.json").write_text(json.dumps(settings))


FREQUENCY = {"kind": "frequency", "modality": "audio", "k": 2, "phase": 0, "rule": "one_in"}
STALENESS = {"kind": "staleness", "modality": "audio", "tau": 2, "warmup": "hold", "damping": 0.0}


def shifted(curve: Curve, by: float) -> list[float]:
    """A curve moved up by a share."""
    return [x + by for x in curve]


def phase1(run: Path, seeds: Sequence[int] = (0, 1, 2), epochs: int = 13) -> Path:
    """The seed document's methods over several seeds, which differ by known shifts, and both solo controls."""
    methods = {"baseline": [], "frequency_k2": [FREQUENCY], "staleness_t2": [STALENESS],
               "audio_alone": [{"kind": "alone", "modality": "audio"}],
               "visual_alone": [{"kind": "alone", "modality": "visual"}]}  # fmt: skip
    write_experiment(run, methods, seeds)
    for seed in seeds:
        for i, method in enumerate(methods):
            solo = method.removesuffix("_alone") if method.endswith("_alone") else None
            probes = {m: shifted(c[:epochs], 0.004 * seed * (1 + i) * (1 if m == "audio" else -1) + 0.001 * i)
                      for m, c in seed_probes("baseline" if solo else method).items() if solo in (None, m)}  # fmt: skip
            accuracy = [
                0.3 + 0.02 * e + 0.01 * seed - 0.015 * (i == 1) + 0.02 * (i == 2) - 0.12 * bool(solo) for e in range(epochs)
            ]
            lines = records(probes, accuracy, norms={"audio": 100.0 + seed, "visual": 400.0}, skip="audio" if i == 1 else None)
            write_cell(run, method, seed, lines, best_epoch=epochs - 1)
    return run


def study(
    methods: Mapping[str, Mapping[int, Probes]], accuracy: Mapping[str, Mapping[int, Curve]] | None = None, **more: Any
) -> Study:
    """A study in memory: method -> seed -> modality -> probe by epoch."""
    made = []
    for name, runs in methods.items():
        cells = [
            _run(seed, probes, ((accuracy or {}).get(name) or {}).get(seed), more.get("sizes")) for seed, probes in runs.items()
        ]
        made.append(Method(name, tuple(cells), entries=tuple((more.get("entries") or {}).get(name, ()))))
    order = tuple(dict.fromkeys(m for runs in methods.values() for probes in runs.values() for m in probes))
    return Study("made", "memory", tuple(made), order)


def _run(seed: int, probes: Probes, accuracy: Curve | None, sizes: Mapping[str, int] | None) -> Run:
    series = {f"test/probe_acc_{m}": points(curve) for m, curve in probes.items()}
    series |= {"test/accuracy": points(accuracy)} if accuracy else {}
    return Run(seed, f"seed{seed}", series, tuple(probes), header={"sizes": sizes} if sizes else {})


def points(values: Curve) -> Series:
    """A series by epoch from 1."""
    return Series(tuple(range(1, len(values) + 1)), tuple(values))


def write_events(folder: Path, curves: Mapping[str, Curve], first_step: int = 1, **kwargs: Any) -> Path:
    """Event files as torch writes them; `kwargs` go to `add_scalar` (`new_style=True`: scalars as tensors)."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for tag, values in curves.items():
            for step, value in enumerate(values, first_step):
                writer.add_scalar(tag, value, step, **kwargs)
    return folder


def seed_events(root: Path, method: str) -> Path:
    """The event files of one method of the Phase 1 analysis, in a folder below `root` as the research code names it."""
    probes = seed_probes(method)
    curves = {f"test/probe_acc_{m}": c for m, c in probes.items()} | {"test/utilization_gap": gaps(probes)}
    norms = {f"train/grad_norm_{m}": [1.0] * 6 + [norm] * 2 for m, norm in zip(probes, SEED_NORMS[method], strict=True)}
    write_events(root / method / "cremad_20260201" / "tensorboard", curves | norms)
    return root / method


def tables(markdown: str) -> list[list[list[str]]]:
    """Every table of a Markdown text as rows of cells, the head first."""
    found: list[list[list[str]]] = []
    previous = ""
    for line in markdown.splitlines():
        if line.startswith("|"):
            cells = [cell.strip().strip("*`") for cell in line.strip("|").split("|")]
            found += [[]] if not previous.startswith("|") else []
            found[-1] += [] if set(line) <= set("|-: ") else [cells]
        previous = line
    return found


def table(markdown: str, *heads: str) -> dict[str, dict[str, str]]:
    """The table whose columns include these, as row name -> column -> cell."""
    wanted = next(t for t in tables(markdown) if set(heads) <= set(t[0]))
    return {row[0]: dict(zip(wanted[0], row, strict=True)) for row in wanted[1:]}
