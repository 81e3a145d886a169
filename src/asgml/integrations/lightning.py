"""The Balancer as a callback of Lightning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from asgml._balancer import Balancer
from asgml._checks import check_distributed
from asgml._step import Readings
from asgml._taps import Extract
from asgml.integrations._shared import Encoders, MicroBatches, Settings, Targets, absent, check_encoders, moved, named, resolved
from asgml.interventions import Intervention
from asgml.monitors import Monitor
from asgml.recipes import Recipe

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except Exception as error:  # a broken host raises whatever it likes
    raise absent("Lightning 2.4 or newer", "lightning", error) from error

__all__ = ["BalancerCallback"]

KEYS = ("labels", "label", "targets")


class BalancerCallback(Settings, Callback):  # type: ignore[misc]
    """Runs a Balancer in `trainer.fit` with automatic optimization: after unscaling, before clipping and the optimizer's step.

    It attaches before the first forward, once the strategy has wrapped the module, and takes its hooks off when fitting
    ends. Each `training_step` is one micro-batch, so `accumulate_grad_batches` works. The Balancer's state is part of
    Lightning's checkpoints: `trainer.fit(..., ckpt_path=...)` goes on bit for bit. Every `fit` without `ckpt_path` starts
    with a Balancer without memory. It warns where the optimizer cancels what a part does, as Adam cancels a constant `Scale`.

    Args:
        encoders: a function `lambda module: {"audio": module.audio}`, or attribute paths of the LightningModule,
            `{"audio": "net.audio"}`.
        recipe: monitors and interventions, as in `Balancer`; the parts are copied, the working ones are in `balancer`.
        measure: further monitors, after the recipe's.
        act: further interventions, after the recipe's.
        features: modality -> a function that takes the feature tensor out of an encoder's output, as in `Balancer`.
        targets: batch -> targets (B, ...). Without it: `batch[1]` of a pair, or `batch["labels"]`, `["label"]`, `["targets"]`.
        log: whether readings go to `LightningModule.log`, as `asgml/<reading>/<modality>`, in the update that measured them.

    Raises:
        ValueError, TypeError: at the start of `fit`, with manual optimization or LBFGS, and for all that `Balancer` refuses; in
            the first update, where the optimizer runs its closure more than once in a step, as SAM does.

    >>> from asgml import recipes
    >>> from asgml.integrations.lightning import BalancerCallback
    >>> callback = BalancerCallback({"audio": "net.audio", "visual": "net.visual"}, recipes.frequency("audio", k=2))
    """

    def __init__(
        self,
        encoders: Encoders,
        recipe: Recipe | None = None,
        *,
        measure: Sequence[Monitor] = (),
        act: Sequence[Intervention] = (),
        targets: Callable[[Any], Tensor | None] | None = None,
        features: Mapping[str, Extract] | None = None,
        log: bool = True,
    ):
        check_encoders(encoders)
        own = recipe or Recipe()
        self._encoders, self._features, self._log = encoders, features, log
        self._recipe = Recipe((*own.measure, *measure), (*own.act, *act))
        self._targets_of = targets or _targets_in
        self._targets = Targets("Give `targets=`, a function from a batch to one target per sample")
        self._batch: Any = None
        self._learns = self._adjusted = False
        self._saved: dict[str, Any] | None = None
        self._steps: MicroBatches | None = None
        self.balancer: Balancer | None = None
        """The Balancer of the running or the last fit, for its `summary`, `tally` and `readings`; None before the first."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse manual optimization, and forget an earlier fit."""
        if stage != "fit":
            return
        if not pl_module.automatic_optimization:
            raise ValueError(
                "BalancerCallback works with automatic optimization. With manual optimization make a `Balancer` yourself and "
                "call `balancer.adjust(targets)` in `training_step`, after `self.manual_backward` and before the step of the "
                "optimizer that holds the encoders"
            )
        self._remove()
        self.balancer = self._saved = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Attach: the strategy has wrapped the module by now, and no forward has run."""
        if any(isinstance(optimizer, torch.optim.LBFGS) for optimizer in trainer.optimizers):
            raise TypeError("BalancerCallback cannot work with LBFGS, which runs several backward passes in a step")
        if "deepspeed" in type(trainer.strategy).__name__.lower():
            raise TypeError("BalancerCallback cannot work with DeepSpeed, which keeps gradients to itself: use DDP or FSDP2")
        self._steps = MicroBatches(pl_module)
        encoders = resolved(self._encoders, pl_module)
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        settings = {"features": self._features, "scaler": scaler, "optimizer": trainer.optimizers}
        self.balancer = Balancer(encoders, self._recipe, model=self._steps, **settings)
        check_distributed(trainer.strategy.model, self.balancer.params, self.balancer.act)
        if self._saved is not None:
            self._restore(pl_module.device)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Mark a micro-batch."""
        assert self._steps is not None
        self._batch, self._adjusted = batch, False
        self._steps.train()
        self._steps()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any, **kwargs: Any) -> None:
        """Look away: forwards between the training batches are somebody else's."""
        if self._steps is not None:
            self._steps.eval()

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Note the targets of the micro-batch that goes backward now."""
        self._targets.add(self._targets_of(self._batch))
        self._batch, self._learns = None, True

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: torch.optim.Optimizer) -> None:
        """Adjust, unless every `training_step` of this update returned None and nothing went backward."""
        assert self.balancer is not None
        if self._adjusted:
            raise TypeError(
                f"{type(optimizer).__name__} runs its closure more than once in a step, as SAM does: which of these backward "
                "passes makes the update cannot be known here. Use manual optimization: run the passes yourself, call "
                "`balancer.forget()` after each but the last, and `balancer.adjust(targets)` after the last, before the step"
            )
        self._adjusted = True
        if not self._learns:
            self.balancer.forget()
            return
        self._learns = False
        readings = self._targets.adjust(self.balancer)
        if self._log:
            self._send(trainer, pl_module, readings)

    def _send(self, trainer: Trainer, pl_module: LightningModule, readings: Readings) -> None:
        for key, result in (getattr(trainer, "_results", None) or {}).items():
            if ".asgml/" in key:
                result.has_reset = True  # else Lightning repeats the value of an earlier update
        for name, value in named(readings).items():
            pl_module.log(name, value, on_step=True, on_epoch=False)

    def state_dict(self) -> dict[str, Any]:
        """Return the Balancer's state; empty before the first fit."""
        return self.balancer.state_dict() if self.balancer else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep a checkpoint's state until the Balancer is attached, or hand it on."""
        self._saved = state_dict
        if self.balancer is not None and self._steps is not None:
            self._restore(next(iter(next(iter(self.balancer.params.values())).values())).device)

    def _restore(self, device: torch.device) -> None:
        assert self.balancer is not None
        self.balancer.load_state_dict(moved(self._saved, device))
        self._saved = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Take the hooks off."""
        self._remove()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the hooks off."""
        self._remove()

    def _idle(self) -> dict[str, Any]:
        idle = {"_targets": self._targets.fresh(), "_batch": None, "_learns": False, "_adjusted": False, "_steps": None}
        return vars(self) | idle

    def _remove(self) -> None:
        if self.balancer is not None:
            self.balancer.remove()
        self._steps, self._batch, self._learns = None, None, False
        self._targets.forget()


def _targets_in(batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return next((batch[key] for key in KEYS if key in batch), None)
    return batch[1] if isinstance(batch, tuple | list) and len(batch) == 2 else None
