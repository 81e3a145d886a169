"""What may not be attached, and the words that say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.amp.grad_scaler import OptState
from torch.nn.parallel import DistributedDataParallel

from asgml._ranks import ranks, replicas
from asgml.interventions import Intervention
from asgml.monitors import Monitor

Encoder = nn.Module | str | Sequence[str]
Parameters = dict[str, dict[str, nn.Parameter]]


def parameters_of(encoders: Mapping[str, Encoder], model: nn.Module | None) -> Parameters:
    """Return modality -> name -> parameter, and refuse encoders that share one."""
    if not encoders:
        raise ValueError("`encoders` must name at least one modality, found none")
    found = {m: _parameters(m, encoder, model) for m, encoder in encoders.items()}
    owner: dict[nn.Parameter, tuple[str, str]] = {}
    for modality, parameters in found.items():
        for name, parameter in parameters.items():
            other, its_name = owner.setdefault(parameter, (modality, name))
            if other != modality:
                raise ValueError(
                    f"encoders {other!r} ({its_name!r}) and {modality!r} ({name!r}) share a parameter: they must be disjoint; "
                    "leave the shared module out of both"
                )
    return found


def _parameters(modality: str, encoder: Encoder, model: nn.Module | None) -> dict[str, nn.Parameter]:
    if isinstance(encoder, nn.DataParallel) or isinstance(model, nn.DataParallel):
        raise TypeError(
            "nn.DataParallel copies the model every step, so no encoder can be watched: use DistributedDataParallel"
        )
    if isinstance(encoder, nn.Module):
        return dict(encoder.named_parameters())
    patterns = [encoder] if isinstance(encoder, str) else encoder
    if not isinstance(patterns, Sequence) or not patterns or not all(isinstance(p, str) for p in patterns):
        raise TypeError(
            f"`encoders[{modality!r}]` must be an nn.Module of the model, or patterns of parameter names, found "
            f"{type(encoder).__name__}"
        )
    return _matching(modality, patterns, model)


def _matching(modality: str, patterns: Sequence[str], model: nn.Module | None) -> dict[str, nn.Parameter]:
    if model is None:
        raise ValueError(f"`encoders[{modality!r}]` is given as parameter names {list(patterns)}: give `model=` too")
    named = {plain_name(name): p for name, p in model.named_parameters()}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in named):
            tops = sorted({name.partition(".")[0] for name in named})
            raise ValueError(f"`encoders[{modality!r}]`: {pattern!r} matches no parameter; names begin with {', '.join(tops)}")
    return {name: p for name, p in named.items() if any(fnmatchcase(name, pattern) for pattern in patterns)}


def plain_name(name: str) -> str:
    """Return a parameter's name without what DistributedDataParallel and torch.compile put before it."""
    return name.removeprefix("_orig_mod.").removeprefix("module.").removeprefix("_orig_mod.")


def check_parts(
    modalities: Iterable[str],
    hooked: Iterable[str],
    measure: Sequence[Monitor],
    act: Sequence[Intervention],
    features: Mapping[str, object],
) -> None:
    """Refuse a pipeline that cannot work, before it trains."""
    _check_types(measure, act)
    if unknown := sorted(set(features) - set(hooked)):
        raise ValueError(f"`features` names {unknown}; the modalities with a module are {sorted(hooked)}")
    names, known = [d.name for d in measure], sorted(modalities)
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise ValueError(f"`measure`: two monitors of one name {twice}; give one of them another `name`")
    _check_derived(measure)
    for kind in {type(part) for part in act if part.exclusive}:
        if sum(type(part) is kind for part in act) > 1:
            raise ValueError(
                f"`act`: two {kind.__name__}, which must be one: give one {kind.__name__} all the modalities, or join "
                "recipes with +"
            )
    for part in act:
        if unknown := sorted(part.modalities - set(known)):
            raise ValueError(f"`act`: {part!r} acts on {unknown}; the modalities are {known}")
        if part.may_skip and (uncut := sorted(part.modalities - set(hooked))):
            raise ValueError(
                f"`act`: {part!r} skips {uncut}, given as parameter names: without a module whose output can be cut nothing is "
                "skipped; use Delay or Scale, or give the module"
            )
        if missing := sorted(part.reads - set(names)):
            raise ValueError(
                f"`act`: {part!r} reads {missing}, which nobody measures; add a monitor of that name to `measure` "
                f"(have: {sorted(names)})"
            )


def _check_derived(measure: Sequence[Monitor]) -> None:
    before: list[str] = []
    for monitor in measure:
        if missing := sorted(monitor.reads - set(before)):
            raise ValueError(
                f"`measure`: {monitor!r} reads {missing}, which nobody before it measures; put a monitor of that name "
                f"before it (there: {before})"
            )
        before.append(monitor.name)


def _check_types(measure: Sequence[Monitor], act: Sequence[Intervention]) -> None:
    for argument, parts, kind in (("measure", measure, Monitor), ("act", act, Intervention)):
        for part in parts:
            if not isinstance(part, kind):
                raise TypeError(f"`{argument}` must hold {kind.__name__}s, found {part!r}")


def check_distributed(model: nn.Module | None, params: Parameters, act: Sequence[Intervention]) -> None:
    """Refuse a Skip where DDP would wait for gradients that never come, and encoders whose gradients cannot be put together."""
    if any(type(module).__name__ == "FullyShardedDataParallel" for module in (model.modules() if model is not None else ())):
        raise TypeError("FullyShardedDataParallel flattens parameters, so that no encoder has its own: use fully_shard (FSDP2)")
    for modality, parameters in params.items():
        if len({replicas(p) for p in parameters.values()}) > 1:
            raise ValueError(
                f"some parameters of encoder {modality!r} are sharded and others are not: apply fully_shard to all of it, or "
                "to the model around it, and then make the Balancer"
            )
    if not any(part.may_skip for part in act):
        return
    if model is None and ranks() > 1:
        raise ValueError("`model=` must be given to skip under torch.distributed: the wrapped model that the loop calls")
    model = getattr(model, "_orig_mod", model)  # torch.compile wraps as well
    if isinstance(model, DistributedDataParallel):
        if model.static_graph:
            raise ValueError("DistributedDataParallel with static_graph=True cannot skip: the graph changes; leave it out")
        if not model.find_unused_parameters:
            raise ValueError("DistributedDataParallel must be made with find_unused_parameters=True for a Skip, found False")


def check_attached(params: Mapping[str, Mapping[str, nn.Parameter]], silent: Iterable[str]) -> None:
    """Refuse an encoder that learns although its hook has never fired."""
    for modality in silent:
        if any(p.grad is not None for p in params[modality].values()):
            raise RuntimeError(
                f"encoder {modality!r} has gradients, but its forward was never seen: attach the Balancer before "
                "torch.compile, give it the very module that the forward calls, and keep that module in train mode while "
                "training (or give `model=`, whose mode counts then); activation checkpointing needs use_reentrant=False"
            )


def check_trainable(modality: str, params: Mapping[str, nn.Parameter], index: int) -> None:
    """Refuse, in the first update, gradients that were put on parameters which do not ask for any."""
    if not index and any(p.grad is not None for p in params.values()):
        raise RuntimeError(
            f"encoder {modality!r} has gradients, but all its parameters have `requires_grad=False`, which counts as frozen: "
            "where gradients come from `torch.func`, leave `requires_grad=True`"
        )


def check_shards(state: object, params: Parameters) -> None:
    """Refuse saved tensors that are shards over another number of ranks than the encoders' parameters are."""
    for value in state.values() if isinstance(state, Mapping) else state if isinstance(state, list) else ():
        check_shards(value, params)
    if isinstance(state, Tensor) and hasattr(state, "device_mesh"):
        meshes = [getattr(p, "device_mesh", None) for named in params.values() for p in named.values()]
        if state.device_mesh.size() not in {mesh.size() for mesh in meshes if mesh is not None}:
            raise ValueError(
                f"the state holds shards over {state.device_mesh.size()} ranks, which the encoders here are not sharded over: "
                "load it with as many, or put every DTensor together with `full_tensor()` before saving; whole tensors load "
                "anywhere"
            )


def check_unscaled(scaler: torch.amp.GradScaler | None) -> None:
    """Refuse gradients that a GradScaler has scaled and not unscaled."""
    if scaler is None or not scaler.is_enabled() or scaler._scale is None:
        return
    if not any(state["stage"] is OptState.UNSCALED for state in scaler._per_optimizer_states.values()):
        raise RuntimeError(
            "the gradients are still scaled: call `scaler.unscale_(optimizer)` before `balancer.adjust`, and clip and "
            "`scaler.step(optimizer)` after it"
        )
