"""Where the Balancer touches a model: one forward hook per encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from asgml._attached import Attachment, Hook
from asgml._checks import Parameters
from asgml._detached import check_detachable, detached
from asgml._feature import Kept
from asgml._transformed import bare

Extract = Callable[[Any], Tensor]


class Taps(Attachment):
    """Forward hooks: keep every encoder's output, detached, and hand on a detached one where the encoder is to be skipped.

    They see nothing in eval mode (of `model`, or of the encoder itself where no model is given), under no_grad, and while
    activation checkpointing runs a forward again, which is cut as it was before. Each forward of `model` is a micro-batch, and
    several calls of an encoder within it are averaged; without `model` every call is a micro-batch. Inside a compiled region
    only an encoder's last call before the next mark is kept.
    """

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        params: Parameters,
        extract: Mapping[str, Extract],
        model: nn.Module | None,
        *,
        needed: bool = True,
    ):
        self.watch = Watch(None if model is None else innermost(model))
        super().__init__(encoders, params)
        self.model = model
        self._taps = {m: Tap(self.watch, m, extract.get(m), needed) for m in encoders}
        self._mark = Mark(self.watch, [*self._taps.values()])
        self.seen: frozenset[str] = frozenset()
        """Whose forwards were in what `take` took last."""
        self.evaluated: frozenset[str] = frozenset()
        """Who ran with gradients before that, but in eval mode alone."""
        self.called = False
        """Whether anything ran with gradients before that."""

    @property
    def params(self) -> Parameters:
        """Modality -> name -> parameter of now."""
        return self.watch.params

    @params.setter
    def params(self, params: Parameters) -> None:
        self.watch.params = params

    def attach(self) -> None:
        """Put the hooks on, and end whoever watches the same encoders. Without this nothing is seen."""
        self.take_over()
        for m, encoder in self.encoders.items():
            self.hook(encoder.register_forward_hook(Hook(self._taps[m])))
        if self.model is not None:
            self.hook(self.model.register_forward_pre_hook(Hook(self._mark)))

    def end(self, why: str) -> None:
        """Take the hooks off, fall silent (a compiled forward may still hold a hook), and forget what was seen."""
        super().end(why)
        self.watch.silent = True
        for tap in self._taps.values():
            tap.slot = None
            tap.store.clear()

    @property
    def cut(self) -> frozenset[str]:
        """Who is skipped in the next forward."""
        return frozenset(m for m, tap in self._taps.items() if tap.cut)

    @cut.setter
    def cut(self, modalities: frozenset[str]) -> None:
        for m, tap in self._taps.items():
            tap.cut = m in modalities

    def never_fired(self) -> list[str]:
        """Return the modalities whose forward was never seen."""
        return [m for m, tap in self._taps.items() if not tap.fired]

    def ungraded(self) -> list[str]:
        """Return the modalities whose forward was seen without gradients alone."""
        return [m for m, tap in self._taps.items() if tap.blind and not tap.fired]

    def mark(self) -> None:
        """End a micro-batch."""
        self._mark.end()

    def rows(self, modality: str) -> int | None:
        """Return the number of rows of the latest feature; None where there is none."""
        latest = self._taps[modality].latest()
        return len(latest) if latest is not None and latest.ndim else None

    def take(self) -> dict[str, Tensor]:
        """Return modality -> features since the last call, micro-batches concatenated, and forget them.

        One that was changed in place after the encoder, before copies were made, is left out; `seen` names it too.
        """
        self.mark()
        self.seen = frozenset(m for m, tap in self._taps.items() if tap.kept)
        self.called = self.watch.called or any(tap.called for tap in self._taps.values())
        self.evaluated = frozenset(m for m, tap in self._taps.items() if tap.called and not tap.kept)
        lost = {m for m, tap in self._taps.items() if tap.store.settle()}
        taken = {m: self._joined(self._taps[m].kept) for m in self.encoders if m in self.seen - lost}
        self.watch.called = False
        for tap in self._taps.values():
            tap.called = False
            tap.store.clear()
        return taken

    def drop_failed(self, wanted: Mapping[str, int]) -> None:
        """Forget what failed batches left, where `wanted`, modality -> rows, tells that only what came after it counts.

        Without `model` an encoder that is called twice looks like a failed batch: all encoders must tell the same.
        """
        self.mark()
        seen = {m: tap for m, tap in self._taps.items() if tap.kept and m in wanted}
        failed = [
            tap
            for m, tap in seen.items()
            if tap.doubted and self._rows(tap.kept) != wanted[m] == self._rows(tap.kept[tap.doubted :])
        ]
        if self.model is not None or len(failed) == len(seen):
            for tap in failed:
                del tap.kept[: tap.doubted]

    def _rows(self, kept: list[tuple[int, Tensor]]) -> int:
        each = [(n if self.model is not None else at, len(x) if x.ndim else 1) for at, (n, x) in enumerate(kept)]
        return sum(dict(each).values())  # calls within one forward of the model are averaged

    def _joined(self, kept: list[tuple[int, Tensor]]) -> Tensor:
        if self.model is None or len(kept) == len({n for n, _ in kept}):
            return kept[0][1] if len(kept) == 1 else torch.cat([x for _, x in kept])
        forwards = dict.fromkeys(n for n, _ in kept)
        return torch.cat([torch.stack([x for n, x in kept if n == forward]).mean(0) for forward in forwards])


class Watch:
    """What the hooks of one Balancer share. They know it and not each other, so that no circle of them keeps itself alive."""

    def __init__(self, mode: nn.Module | None):
        self.silent = False
        """While monitors run encoders themselves, and after the end."""
        self.mode = mode
        """The module whose mode counts; None: each encoder's own."""
        self.params: Parameters = {}
        self.forward = 0
        """Micro-batches so far."""
        self.may_cut = False
        """Whether some part may ask for a skip."""
        self.called = False
        """Whether the model ran with gradients since the last update."""

    def version(self, modality: str) -> int:
        """Return torch's count of changes of an encoder's first trainable parameter."""
        return next((p._version for p in self.params.get(modality, {}).values() if p.requires_grad), 0)

    def has_gradients(self) -> bool:
        """Tell whether any encoder's parameter has a gradient."""
        return any(p.grad is not None for named in self.params.values() for p in named.values())


class Mark:
    """The model's hook: each forward begins a micro-batch."""

    def __init__(self, watch: Watch, taps: list[Tap]):
        self.watch, self.taps = watch, taps

    def __call__(self, model: nn.Module, args: Any) -> None:
        """End the micro-batch before this forward."""
        if torch.is_grad_enabled():
            self.watch.called = True
        if not torch.compiler.is_compiling():
            self.end()
            for tap in self.taps:
                tap.doubt()

    def end(self) -> None:
        """End a micro-batch."""
        for tap in self.taps:
            tap.empty_slot(self.watch.forward)
        self.watch.forward += 1


class Tap:
    """One encoder's hook. A compiled region guards on what it reads here: on `cut`, which makes two graphs, and no more."""

    def __init__(self, watch: Watch, modality: str, extract: Extract | None, needed: bool):
        self.watch, self.modality, self.extract = watch, modality, extract
        self.cut = self.fired = self.called = self.blind = False
        self.slot: Tensor | None = None
        """What a compiled forward leaves: writing to it needs no guard, appending to a list would need one on its length."""
        self.doubted = 0
        """How many of what is kept are of batches that may have failed."""
        self.version = 0
        self.store = Kept(modality, needed)

    @property
    def kept(self) -> list[tuple[int, Tensor]]:
        """What is kept since the last update: (number of the forward, feature)."""
        return self.store.features

    def __call__(self, encoder: nn.Module, args: Any, output: Any) -> Any:
        """Keep the feature, and cut the output where that is asked for."""
        training = encoder.training if self.watch.mode is None else self.watch.mode.training
        if self.watch.silent:
            return None
        if not torch.is_grad_enabled():
            self.blind = training
            return None
        again = _runs_again()
        if not again:
            self.called = True
        if not training:
            return None
        if not again:
            self.see(output)
        # nothing behind a detached output runs backward; a forward that runs again must do what it did before
        return detached(output) if self.cut else None

    def see(self, output: Any) -> None:
        """Keep the feature."""
        if torch.compiler.is_compiling():  # what is changed in place behind the encoder is changed in this very graph
            self.fired = True
            self.slot = self.feature(output).clone() if self.store.needed else self.feature(output)
            return
        if not self.fired and self.watch.may_cut:
            check_detachable(self.modality, output)
        self.fired = True
        if self.watch.mode is None:
            self.doubt()
        self.store.add(self.watch.forward, bare(self.modality, self.feature(output)))

    def doubt(self) -> None:
        """Where forwards were seen and no gradient stands, no update may follow them: their batch failed, or was given up.

        Weights that moved since then are another matter: several passes make one update, as in LBFGS.
        """
        if not self.kept:
            self.doubted, self.version = 0, self.watch.version(self.modality)
        elif self.version == self.watch.version(self.modality) and not self.watch.has_gradients():
            self.doubted = len(self.kept)

    def feature(self, output: Any) -> Tensor:
        """Return the feature of an output, detached."""
        feature = self.extract(output) if self.extract else output
        if not isinstance(feature, Tensor):
            raise TypeError(
                f"the feature of encoder {self.modality!r} must be a tensor, found {type(feature).__name__}: say which tensor "
                f"of its output it is, `features={{{self.modality!r}: lambda output: output[...]}}`"
            )
        return feature.detach()

    def empty_slot(self, forward: int) -> None:
        """Move what a compiled forward left to what is kept."""
        if self.slot is not None:
            self.store.add(forward, self.slot, copied=True)
            self.slot = None

    def latest(self) -> Tensor | None:
        """Return the feature that was seen last."""
        return self.slot if self.slot is not None else self.kept[-1][1] if self.kept else None


def innermost(model: nn.Module) -> nn.Module:
    """Return what torch.compile and DistributedDataParallel wrapped: a wrapper's own mode stays as it was in `inner.eval()`."""
    while True:
        inner = model.module if isinstance(model, DistributedDataParallel) else getattr(model, "_orig_mod", model)
        if inner is model:
            return model
        model = inner


def _runs_again() -> bool:
    """Tell whether this forward happens inside a backward pass, as activation checkpointing makes it."""
    return not torch.compiler.is_compiling() and torch._C._current_graph_task_id() != -1
