"""The Balancer as a callback of Hugging Face's Trainer."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from asgml._attached import Hook
from asgml._balancer import Balancer
from asgml._ranks import ranks
from asgml._taps import Extract
from asgml.integrations._shared import (
    Encoders,
    MicroBatches,
    Settings,
    Targets,
    absent,
    check_encoders,
    moved,
    named,
    resolved,
)
from asgml.integrations._train_call import TrainCall
from asgml.interventions import Intervention, Noise, OgmGe, Scale
from asgml.monitors import Monitor
from asgml.policies import Constant
from asgml.recipes import Recipe

try:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
except Exception as error:  # a broken host raises whatever it likes
    raise absent("transformers 4.46 or newer with accelerate", "transformers", error) from error

__all__ = ["BalancerCallback"]

FILE = "balancer.pt"


class BalancerCallback(Settings, TrainerCallback):  # type: ignore[misc]
    """Runs a Balancer in `Trainer.train`: after clipping, before the optimizer's step.

    The Trainer clips BEFORE it calls callbacks. So `GradNorm` reads clipped gradients, a `Delay` queues gradients that were
    clipped on the day they were made, and a `Scale` above 1 and noise escape the clip: it warns once a run. It also warns
    where the optimizer, AdamW unless `optim` says otherwise, cancels what a part does, as it cancels a constant `Scale`.

    It attaches in `on_train_begin` and takes its hooks off in `on_train_end`, or when an exception ends `train`. Each
    `training_step` is one micro-batch, so `gradient_accumulation_steps` works. The state lies in the checkpoint's folder as
    `balancer.pt`, and `trainer.train(resume_from_checkpoint=...)` goes on bit for bit; a folder that is not below
    `args.output_dir` must be given as `TrainingArguments(resume_from_checkpoint=...)` too, since the Trainer tells callbacks no
    path. Readings join the logs of the training loss, as `asgml/<reading>/<modality>`: the latest value since the log before.

    Args:
        encoders: a function `lambda model: {"text": model.bert}`, or attribute paths of the model, `{"text": "bert"}`.
        recipe: monitors and interventions, as in `Balancer`; the parts are copied, the working ones are in `balancer`.
        measure: further monitors, after the recipe's.
        act: further interventions, after the recipe's.
        features: modality -> a function that takes the feature tensor out of an encoder's output, as in `Balancer`.
        labels: the keyword under which the model's forward gets the targets (B, ...).

    Raises:
        ValueError, TypeError: when training starts, under nn.DataParallel or DeepSpeed, and for all that `Balancer` refuses.
        FileNotFoundError: on resume, where the folder that the Trainer resumes from cannot be found.

    >>> from asgml import recipes
    >>> from asgml.integrations.transformers import BalancerCallback
    >>> callback = BalancerCallback({"text": "bert", "image": "vit"}, recipes.frequency("text", k=2),
    ...                             features={"text": lambda out: out.last_hidden_state[:, 0]})
    """

    def __init__(
        self,
        encoders: Encoders,
        recipe: Recipe | None = None,
        *,
        measure: Sequence[Monitor] = (),
        act: Sequence[Intervention] = (),
        features: Mapping[str, Extract] | None = None,
        labels: str = "labels",
    ):
        check_encoders(encoders)
        own = recipe or Recipe()
        self._encoders, self._features, self._labels = encoders, features, labels
        self._recipe = Recipe((*own.measure, *measure), (*own.act, *act))
        self._targets = Targets(
            f"The model's forward must get one target per sample as the keyword {labels!r} (`labels=` names another); label "
            "smoothing and `compute_loss_func` take the labels away before the forward"
        )
        self._log: dict[str, float] = {}
        self._steps: MicroBatches | None = None
        self._noted: Noted | None = None
        self.balancer: Balancer | None = None
        """The Balancer of the running or the last training, with its `summary`, `tally`, `readings`; None before the first."""

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module,
        optimizer: Any = None,
        **kwargs: Any,
    ) -> None:
        """Attach, and read the state where the run is resumed."""
        self._remove()
        self._check(args, model)
        self._steps = MicroBatches(model)
        scaler = getattr(optimizer, "scaler", None)
        encoders = resolved(self._encoders, model)
        settings = {"features": self._features, "scaler": scaler, "optimizer": optimizer}
        self.balancer = Balancer(encoders, self._recipe, model=self._steps, **settings)
        self._noted = Noted(model, self._labels, self.balancer)
        if state.global_step:
            self._resume(self.balancer, args, state)

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Look: the next forward is a training step's."""
        assert self._steps is not None
        self._steps.train()

    def on_substep_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Note the labels of the micro-batch that went backward, and mark its end."""
        assert self._steps is not None
        assert self._noted is not None
        self._targets.add(self._noted.labels)
        self._noted.labels = None
        self._steps()

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Adjust, and look away until the next step begins."""
        assert self.balancer is not None
        assert self._steps is not None
        self.on_substep_end(args, state, control)
        self._steps.eval()
        try:
            self._log |= named(self._targets.adjust(self.balancer))
        except BaseException:  # the Trainer tells nobody that it fails
            self._remove()
            raise

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, Any], **kwargs: Any
    ) -> None:
        """Put the readings beside the training loss, for the log history and every callback after this one."""
        if "loss" in logs and self._log:
            logs |= self._log
            state.log_history[-1] |= self._log
            self._log = {}

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write the state into the checkpoint's folder, once for all ranks."""
        folder = _folder(args, state)
        if self.balancer is None or not args.should_save or args.save_only_model or not folder.is_dir():
            return
        torch.save(self.balancer.state_dict(), folder / f"{FILE}.part")
        os.replace(folder / f"{FILE}.part", folder / FILE)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Take the hooks off."""
        self._remove()

    def _idle(self) -> dict[str, Any]:
        return vars(self) | {"_targets": self._targets.fresh(), "_log": {}, "_steps": None, "_noted": None}

    def _remove(self) -> None:
        if self.balancer is not None:
            self.balancer.remove()
        if self._noted is not None:
            self._noted.end()
        self._noted, self._steps, self._log = None, None, {}
        self._targets.forget()

    def _resume(self, balancer: Balancer, args: TrainingArguments, state: TrainerState) -> None:
        folder = _resumed(args, state)
        if not (folder / FILE).exists():
            warnings.warn(f"{folder} holds no {FILE}: the run goes on, its Balancer starts without memory", stacklevel=2)
            return
        balancer.load_state_dict(moved(_saved(folder / FILE), args.device))

    def _check(self, args: TrainingArguments, model: nn.Module) -> None:
        if args.n_gpu > 1:
            raise TypeError(
                f"the Trainer uses nn.DataParallel on {args.n_gpu} GPUs, which copies the model every step, so no encoder can "
                "be watched: start it with torchrun, or show it one GPU"
            )
        if getattr(args, "deepspeed", None):
            raise TypeError("BalancerCallback cannot work with DeepSpeed, which keeps gradients to itself: use DDP or FSDP2")
        if ranks() > 1 and any(part.may_skip for part in self._recipe.act) and not _finds_unused(args, model):
            raise ValueError("a Skip under DistributedDataParallel needs TrainingArguments(ddp_find_unused_parameters=True)")
        if args.max_grad_norm and any(_may_grow(part) for part in self._recipe.act):
            warnings.warn(
                f"the Trainer clips to max_grad_norm={args.max_grad_norm} before Scale acts: factors above 1 and noise "
                "escape the clip",
                stacklevel=2,
            )


class Noted:
    """The model's hook: the labels of its latest forward. The first forward that `train` did not call ends the watching."""

    def __init__(self, model: nn.Module, keyword: str, balancer: Balancer):
        handle = model.register_forward_pre_hook(Hook(self), with_kwargs=True)
        self.labels: Any = None
        self.end = partial(_end, balancer, handle)
        self._keyword, self._call = keyword, TrainCall(self.end)

    def __call__(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Note the labels; appending them to a list would make torch.compile compile anew each time."""
        if torch.compiler.is_compiling() or self._call.runs():
            self.labels = kwargs.get(self._keyword)
        else:
            self.end()


def _end(balancer: Balancer, handle: RemovableHandle) -> None:
    balancer.remove()
    handle.remove()


def _may_grow(part: Intervention) -> bool:
    if isinstance(part, Noise | OgmGe):
        return True
    if not isinstance(part, Scale):
        return False
    return not isinstance(part.policy, Constant) or any(factor > 1 for factor in part.policy.settings.values())


def _finds_unused(args: TrainingArguments, model: nn.Module) -> bool:
    """Tell what the Trainer gives DistributedDataParallel."""
    from transformers import PreTrainedModel

    if args.ddp_find_unused_parameters is not None:
        return bool(args.ddp_find_unused_parameters)
    asked = [getattr(args, name, False) for name in ("activation_checkpointing", "gradient_checkpointing")]
    asked += [getattr(module, "gradient_checkpointing", False) for module in model.modules()]
    return not (isinstance(model, PreTrainedModel) and any(asked))


def _folder(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(args.output_dir) / f"checkpoint-{state.global_step}"


def _saved(path: Path) -> Any:
    """Read a Balancer's state; torch's own words on a damaged file would advise to switch its safety off."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:
        way = "remove it to go on without the Balancer's memory, or resume from another checkpoint"
        raise ValueError(f"{path} is damaged, or holds no Balancer's state: {way}") from error


def _resumed(args: TrainingArguments, state: TrainerState) -> Path:
    """Return the folder that the Trainer resumes from; it tells no path, so its state must be the one in the folder."""
    given = [Path(args.resume_from_checkpoint)] if args.resume_from_checkpoint else []
    for folder in [*given, _folder(args, state)]:
        if _told(folder / "trainer_state.json") == (state.global_step, json.dumps(state.log_history)):
            return folder
    raise FileNotFoundError(
        f"the run is resumed at step {state.global_step}, but {_folder(args, state)} is not where it was saved, so {FILE} "
        "cannot be found: give the folder as TrainingArguments(resume_from_checkpoint=...) too"
    )


def _told(file: Path) -> tuple[int, str] | None:
    if not file.exists():
        return None
    told = json.loads(file.read_text(encoding="utf-8"))
    return told["global_step"], json.dumps(told["log_history"])
