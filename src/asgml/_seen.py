"""Who looks at features, and what is said where there are none to look at."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Sequence

import torch
import torch.distributed as dist

from asgml._ranks import ranks
from asgml._reduce import local_norm
from asgml._step import Step
from asgml.interventions import Intervention
from asgml.monitors import Derived, Monitor

Part = Monitor | Intervention


def reads_features(part: Part) -> bool:
    """Tell whether a part looks at `step.features`; somebody's own counts as looking where its very class does not say."""
    kind = type(part)
    if isinstance(part, Derived):
        return False  # it is given numbers alone
    ours = kind.__module__.partition(".")[0] == "asgml"
    return part.needs_features if ours or "needs_features" in vars(kind) else True


def check_features(hooked: Collection[str], modalities: Iterable[str], measure: Sequence[Monitor]) -> None:
    """Say which monitors will have nothing to look at, since modalities were given as names of parameters."""
    bare = sorted(set(modalities) - set(hooked))
    named = [d.name for d in measure if reads_features(d) and type(d).__module__.startswith("asgml.")]
    if not bare or not named:
        return
    words = f"{named} look at features, and {bare}, given as parameter names, have none"
    if not hooked:
        raise ValueError(f"`measure`: {words}: give the modules as `encoders`, or measure GradNorm or WeightDrift")
    warnings.warn(f"`measure`: {words}: they are left out of these readings", UserWarning, stacklevel=4)


def frozen_with(measure: Iterable[Monitor]) -> frozenset[str]:
    """Return the names of the readings that stand still where no feature is seen, in list order those made of others too."""
    frozen: set[str] = set()
    for monitor in measure:
        if (reads_features(monitor) and not monitor.reads) or monitor.reads & frozen:
            frozen.add(monitor.name)
    return frozenset(frozen)


def steered_by(frozen: frozenset[str], act: Iterable[Intervention]) -> Intervention | None:
    """Return an intervention that decides by one of these readings, or that may: its policy does not say what it reads."""
    for part in act:
        tacit = part.policy is not None and not hasattr(part.policy, "reads")
        if part.reads & frozen or (tacit and frozen):
            return part
    return None


def check_forward(called: bool) -> None:
    """Refuse an update without a forward: `adjust` was called twice, or past it."""
    if not called and ranks() == 1:  # of several, another may have run what this one has not
        raise RuntimeError(
            "no forward of an encoder was seen since the last `adjust`: call `adjust` once per update, after the backward of "
            "its forwards; forwards under torch.no_grad() are not seen, nor what is called past the encoder's own call"
        )


class Unseen:
    """Finds encoders that learn in an update although their forward was not seen in it; says so once, or refuses.

    And those that run under no_grad alone, so that nothing can be measured of them.
    """

    def __init__(self, measure: Sequence[Monitor], act: Sequence[Intervention], hooked: Iterable[str]):
        self.frozen = frozen_with(measure)
        """Names of the readings that stand still where no feature is seen."""
        self._hooked, self._steered = tuple(hooked), steered_by(self.frozen, act)
        self._said: set[str] = set()

    def of(self, step: Step, used: Collection[str], evaluated: Collection[str], ungraded: Collection[str]) -> frozenset[str]:
        """Return who has gradients that are not zero, though not `used`.

        `evaluated` are those that ran in eval mode, `ungraded` those that ran without gradients alone. Raises RuntimeError
        where a policy reads what is measured of features.
        """
        missing = [m for m in self._hooked if m not in used]
        found = frozenset(m for m, size in zip(missing, _sizes(step, missing), strict=True) if size > 0)
        if found:
            self._say(sorted(found), evaluated)
        if self.frozen and (blind := sorted(set(ungraded).intersection(missing) - found)):
            self._once(
                f"encoder {_names(blind)} runs under torch.no_grad(), where nothing is kept of it: {sorted(self.frozen)} will "
                "have no value of it. To measure a frozen encoder, call it outside of no_grad and freeze it by "
                "`encoder.requires_grad_(False)`"
            )
        return found

    def account(self, modalities: Iterable[str], never: Collection[str], ungraded: Collection[str]) -> dict[str, str]:
        """Return modality -> why nothing was measured of it, for the summary."""
        found = {m: "its forward was never seen" for m in self._hooked if m in never}
        found |= {m: "its forward was seen under torch.no_grad() alone" for m in found if m in ungraded}
        bare = [m for m in modalities if m not in self._hooked] if self.frozen else []
        return found | dict.fromkeys(bare, f"without {', '.join(sorted(self.frozen))}, since it was given as parameter names")

    def _once(self, words: str) -> None:
        if words not in self._said:
            self._said.add(words)
            warnings.warn(words, UserWarning, stacklevel=5)

    def _say(self, found: list[str], evaluated: Collection[str]) -> None:
        how = "ran in eval mode" if set(found) <= set(evaluated) else "was not seen in this update"
        words = (
            f"encoder {_names(found)} has gradients, but its forward {how}, so that nothing of it was measured or "
            "cut: after a validation call `model.train()`; an encoder that is to train in eval mode needs `model=`, whose mode "
            "counts then; gradients of an earlier update must be zeroed"
        )
        if self._steered is not None:
            raise RuntimeError(f"{words}. {self._steered!r} may decide by {sorted(self.frozen)}, which would stand still")
        self._once(words)


def _names(modalities: Iterable[str]) -> str:
    return ", ".join(map(repr, modalities))


def _sizes(step: Step, modalities: Sequence[str]) -> list[float]:
    """Return the gradients' norms, on the host; such updates are rare, so a transfer of their own does not matter."""
    norms = [local_norm(step.params[m].values()) for m in modalities]
    if ranks() == 1 and not any(norm is not None for norm in norms):
        return [0.0] * len(norms)
    like = next((p for named in step.params.values() for p in named.values()), torch.empty(()))
    zero = torch.zeros((), device=like.device)
    values = torch.stack([zero, *(zero if norm is None else norm.to(zero) for norm in norms)])
    if ranks() > 1:  # on every rank or on none: who was used is the same on all
        dist.all_reduce(values)
    sizes: list[float] = values.tolist()[1:]
    return sizes
