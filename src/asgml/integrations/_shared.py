"""What the hosts' callbacks share: the words for a missing host, finding encoders, gathering targets, moving a state."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from asgml._balancer import Balancer
from asgml._checks import Encoder
from asgml._step import Readings

Encoders = Callable[[Any], Mapping[str, Encoder]] | Mapping[str, str]
"""A function from the host's model to encoders, or modality -> the encoder's attribute path in that model."""


def absent(name: str, extra: str, error: Exception) -> ImportError:
    """Return the error for a host that is missing or broken."""
    return ImportError(
        f"asgml.integrations.{extra} needs {name}, whose import failed with {type(error).__name__}: {error}. "
        f"Install it with `pip install 'asgml[{extra}]'`; where it is installed, `python -c 'import {extra}'` shows what is "
        "broken (often a torchvision or torchaudio that does not fit torch: uninstall it)"
    )


def resolved(encoders: Encoders, model: nn.Module) -> Mapping[str, Encoder]:
    """Return modality -> encoder of a model."""
    if isinstance(encoders, Mapping):
        return {m: _submodule(m, path, model) for m, path in encoders.items()}
    return encoders(model)


def check_encoders(encoders: object) -> None:
    """Refuse what is neither a function nor a mapping of attribute paths."""
    if isinstance(encoders, Mapping) and all(isinstance(path, str) for path in encoders.values()):
        return
    if isinstance(encoders, nn.Module | Mapping) or not callable(encoders):
        raise TypeError(
            "`encoders` must be a function from the model to its encoders, `lambda model: {'audio': model.audio}`, or a "
            f"mapping of attribute paths, `{{'audio': 'audio'}}`, found {_kind(encoders)}"
        )


def _kind(found: object) -> str:
    kind = type(found).__name__
    return f"{kind} of {', '.join(type(v).__name__ for v in found.values())}" if isinstance(found, Mapping) else kind


def _submodule(modality: str, path: str, model: nn.Module) -> nn.Module:
    try:
        return model.get_submodule(path)
    except AttributeError:
        have = [name for name, _ in model.named_children()]
        raise ValueError(
            f"`encoders[{modality!r}]`: the model has no submodule {path!r}; its own begin with {', '.join(have) or 'nothing'}"
        ) from None


class Targets:
    """The targets (B, ...) of the micro-batches of one update, as far as they were found and fit together."""

    def __init__(self, advice: str):
        self._advice, self._seen, self._problem = advice, list[Tensor](), ""

    def add(self, found: object) -> None:
        """Note one micro-batch's targets; what is no tensor with rows counts as not found."""
        if not isinstance(found, Tensor) or not found.ndim:
            self._problem = f"no targets were found in the batch ({type(found).__name__} in their place)"
        elif self._seen and found.shape[1:] != self._seen[0].shape[1:]:
            shapes = f"{tuple(self._seen[0].shape)} and {tuple(found.shape)}"
            self._problem = f"the targets of two micro-batches have shapes {shapes}, which do not join"
        else:
            self._seen.append(found.detach())

    def fresh(self) -> Targets:
        """Return one of the same advice that saw nothing."""
        return Targets(self._advice)

    def forget(self) -> str:
        """Start a new update; return what was wrong in the last one."""
        problem, self._problem, self._seen = self._problem, "", []
        return problem

    def adjust(self, balancer: Balancer) -> Readings:
        """Call `balancer.adjust` with all rows; where they are missing and somebody needs them, its error says why."""
        targets = torch.cat(self._seen) if self._seen and not self._problem else None
        problem = self.forget() or "no targets were seen"
        try:
            return balancer.adjust(targets)
        except ValueError as error:
            if targets is None:
                error.add_note(f"In this callback: {problem}. {self._advice}")
            raise


class MicroBatches(nn.Module):
    """Stands for the host's model in `Balancer(model=...)`: one call marks one micro-batch, however often the model is called.

    Its mode says whether the host trains: hooks are silent in its eval mode, in which it begins and to which the callback
    brings it after every update. So nobody else's forwards are seen, as those of a learning rate finder.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.__dict__["asgml_host"] = model  # no submodule: its mode is the host's affair
        self.eval()

    def forward(self) -> None:
        """Do nothing: that it was called is what counts."""


class Settings:
    """A callback that can be copied and pickled: a copy has the settings, the last Balancer's memory, and no running fit.

    Raises TypeError where `pickle` would fail, since a setting is a function without a name of its own.
    """

    def _idle(self) -> dict[str, Any]:
        """Return all attributes as they are while nothing is fitted."""
        raise NotImplementedError

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        memo[id(self)] = made = type(self).__new__(type(self))
        vars(made).update(copy.deepcopy(self._idle(), memo))
        return made

    def __copy__(self) -> Self:
        return copy.deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        state = self._idle()
        if not _others_pickle():
            for name, value in state.items():
                if name in FUNCTIONS:
                    _check_named(FUNCTIONS[name], value)
        return state


FUNCTIONS = {"_encoders": "encoders", "_features": "features", "_targets_of": "targets", "_recipe": "recipe, measure, act"}
"""Attribute that may hold functions -> the argument that it comes from."""


def _others_pickle() -> bool:
    """Tell whether a pickler may be at work that takes functions without a name, too."""
    return any(name.rpartition(".")[2] in ("cloudpickle", "dill") for name in sys.modules)


def _check_named(name: str, value: object) -> None:
    try:
        pickle.dumps(value)
    except (AttributeError, pickle.PicklingError) as error:
        raise TypeError(
            f"this BalancerCallback cannot be pickled: `{name}` holds a function that has no name in a module ({error}). Give "
            "`encoders` as attribute paths, `{'audio': 'net.audio'}`, and other functions as ones that `def` makes at the top "
            "of a module; `copy.deepcopy` works with any"
        ) from error


def named(readings: Readings) -> dict[str, float]:
    """Return `asgml/<reading>/<modality>` -> value, for a logger."""
    return {f"asgml/{name}/{m}": value for name, values in readings.items() for m, value in values.items()}


def moved(state: Any, device: torch.device) -> Any:
    """Return a state with its tensors on a device, save bytes: those are a generator's state, which lives on the CPU."""
    if isinstance(state, Tensor):
        return state if state.dtype == torch.uint8 else state.to(device)
    if isinstance(state, dict):
        return {key: moved(value, device) for key, value in state.items()}
    return [moved(value, device) for value in state] if isinstance(state, list) else state
