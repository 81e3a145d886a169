"""Experiments that are wrong in their values, their types, their YAML, or on the command line."""

import copy
import random
from pathlib import Path
from typing import Any

import yaml
from runner import SCREEN, WIDTH, Kind, Wrong
from values import TOKENS, places, spoil

WHOLE = """
name: whole
dataset: {name: keypad, snr_db: -3, wrong_share: {audio: 0.2}, train_size: 100, seed: 3, third_modality: false}
model: {encoders: {audio: {cnn: {}}, visual: mlp}, fusion: {film: {conditioned: audio}}, feature_dim: 8}
train: {epochs: 2, batch_size: 8, lr: 0.1, schedule: step, steer: 0.1, augment: {visual: {crop: 0.5, flip: 0.5}}, threads: 1}
tune: {space: {train.lr: {low: 0.01, high: 0.1, log: true}, train.momentum: [0.8, 0.9]},
       sampler: random, trials: 3, seeds: [100]}
primary: [half, {method: auto, against: half}]
seeds: [0, 1]
loggers: [tensorboard]
methods: {baseline: [], half: {frequency: {modality: audio, k: 2}}, auto: {auto: {}}, 
          both: [{frequency: {modality: audio, k: 2}}, {staleness: {modality: visual, tau: 1}}], ogm: {alpha: 0.3}}
"""
STUDY = """
name: study
datasets: {a: {name: keypad, train_size: 100}, b: {name: manifest, path: x.csv, columns: {c: text}},
           c: {import: 'json:loads', x: 1}}
grid: {train.lr: [0.1, 0.2], model.feature_dim: [4, 8]}
tune: {over: {train.weight_decay: [0.0, 0.1]}, seeds: [100, 101]}
primary: [{method: half, dataset: a}]
methods: {baseline: [], half: {adaptive: {signal: probe}}, own: {import: 'json:loads', x: 1}}
"""
SETS = (
    "train.lr",
    "train",
    "dataset",
    "dataset.name",
    "dataset.seed",
    "methods",
    "methods.baseline",
    "seeds",
    "seeds.0",
    "model",
    "model.fusion",
    "model.encoders.audio",
    "grid",
    "tune",
    "tune.over",
    "name",
    "",
    ".",
    "a..b",
    "methods.half.frequency.k",
)
MOST_CELLS = 200


def prepare(folder: Path) -> list[Any]:
    """Return good documents."""
    from asgml.lab.config import load

    texts = [WHOLE, STUDY, *load.built_in().values()]
    return [yaml.safe_load(text) for text in texts + [WHOLE, STUDY] * 4]


def case(rng: random.Random, folder: Path, documents: list[Any]) -> None:
    """Write one, read it as `asgml run` does, and hold what is made of it to what was written."""
    from asgml.lab.errors import InputError

    file, sets = folder / "spoilt.yaml", written(rng, documents, folder / "spoilt.yaml")
    try:
        load(str(file), sets)
    except InputError as error:
        lines = str(error).splitlines()
        if not lines or len(lines) > SCREEN or any(len(line) > WIDTH for line in lines):
            raise Wrong(
                f"{len(lines)} lines of up to {max(map(len, lines), default=0)} characters: {lines[:1]}"[:200]
            ) from error


def load(path: str, sets: list[str]) -> None:
    """Take the steps of `asgml run` up to its first write."""
    from asgml.lab import layout, sweep
    from asgml.lab.cli import running
    from asgml.lab.config.load import load_experiment, validate

    experiment = load_experiment(path, sets)
    written = experiment.model_dump(mode="json", by_alias=True)
    if validate(written) != experiment:
        raise Wrong("an experiment that is written out and read again is another one")
    if bad := [
        path for path in places(written) if type(_at(written, path)) is float and _at(written, path) != _at(written, path)
    ]:
        raise Wrong(f"no number at {bad[0]}")
    running.check(experiment)
    sweep.check(experiment, Path("out"))
    layout.cells(experiment, Path("out"))
    _nothing_was_guessed(path, experiment)


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def _nothing_was_guessed(path: str, experiment: Any) -> None:
    """A truth value is no number, and a number that is written is the one that counts."""
    from asgml.lab.config.load import _read

    document, read = _read(path), experiment.model_dump(mode="json", by_alias=True)
    for place in places(document):
        try:
            was, now = _at(document, place), _at(read, place)
        except (KeyError, IndexError, TypeError):
            continue
        if type(was) is bool and type(now) in (int, float):
            raise Wrong(f"{'.'.join(map(str, place))}: {was} became the number {now}")


def written(rng: random.Random, documents: list[Any], file: Path) -> list[str]:
    """Write a spoilt experiment; return what is set on the command line."""
    document = copy.deepcopy(rng.choice(documents))
    tokens: list[str] = []
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        spoil(rng, document)
    if rng.random() < 0.35:
        tokens = [rng.choice(TOKENS)]
        spoil(rng, document, [f"TOKEN{n}" for n in range(len(tokens))])
    text = yaml.dump(document, allow_unicode=True, Dumper=yaml.Dumper)
    for n, token in enumerate(tokens):
        text = text.replace(f"TOKEN{n}", token)
    if rng.random() < 0.15:
        text = _torn(rng, text)
    file.write_bytes(text.encode("utf-8", "surrogateescape" if rng.random() < 0.5 else "replace"))
    chosen = rng.randrange(3) if rng.random() < 0.3 else 0
    return [f"{rng.choice(SETS)}={rng.choice(TOKENS)}" if rng.random() < 0.7 else rng.choice(TOKENS) for _ in range(chosen)]


def _torn(rng: random.Random, text: str) -> str:
    cut = rng.randrange(len(text) + 1)
    return rng.choice(
        (
            text[:cut],
            text[cut:],
            text[:cut] + rng.choice(("\0", "\t", ": ", "- ", "\x85", "\ufeff", "{", "&a ", "*a ", "? ")) + text[cut:],
            text + text,
            text.replace(" ", "\t", 3),
            text.replace("\n", "\r"),
        )
    )


KIND = Kind("configs", 12000, prepare, case)
