"""What a method tries next where Optuna samples the settings: a pure function of what its trials gave so far."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from asgml.lab.config.study import Range, Tune
from asgml.lab.errors import InputError

STARTUP = 10
"""Trials that are drawn at random, before any result; the same for every method."""


def proposed(tune: Tune, told: Sequence[float]) -> list[dict[str, Any]]:
    """Return the settings of every trial that may start: the first `STARTUP`, then one more for each that is told of.

    `told` are validation accuracies, a share 0-1, of the first trials, in their order. The same results always give the same
    proposals, so that nothing needs to be kept but results.
    """
    return [_settings(tune, raw) for raw in _asked(json.dumps(tune.model_dump(mode="json")), tuple(told))]


@functools.lru_cache(maxsize=1024)
def _asked(text: str, told: tuple[float, ...]) -> tuple[Mapping[str, Any], ...]:
    optuna, tune = _optuna(), Tune.model_validate_json(text)
    samplers = optuna.samplers
    sampler = (
        samplers.TPESampler(seed=tune.seeds[0], n_startup_trials=STARTUP)
        if tune.sampler == "tpe"
        else samplers.RandomSampler(seed=tune.seeds[0])
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    asked: list[Any] = []
    for n in range(min(tune.trials, max(STARTUP, len(told) + 1))):
        for trial in asked[: n if n >= STARTUP else 0]:
            if not study.trials[trial.number].state.is_finished():
                study.tell(trial, told[trial.number])
        asked.append(study.ask())
        _suggest(asked[-1], tune.space)
    return tuple(dict(trial.params) for trial in asked)


def _suggest(trial: Any, space: Mapping[str, Range | tuple[Any, ...]]) -> None:
    for path, values in space.items():
        if not isinstance(values, Range):
            trial.suggest_categorical(path, range(len(values)))
        elif values.whole:
            trial.suggest_int(path, values.low, values.high, log=values.log)
        else:
            trial.suggest_float(path, values.low, values.high, log=values.log)


def _settings(tune: Tune, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Put places in a list back to values, and round numbers to three digits, for people."""
    return {path: values.rounded(raw[path]) if isinstance(values := tune.space[path], Range) else values[raw[path]]
            for path in tune.space}  # fmt: skip


def _optuna() -> Any:
    try:
        import optuna
    except Exception as error:
        raise InputError(f"`tune.sampler`: needs the package optuna, which fails to import ({type(error).__name__}: {error}); "
                         "pip install 'asgml[tune]'") from error  # fmt: skip
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
