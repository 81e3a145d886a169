"""Weights that an encoder shares with the rest of the model, as a tied embedding does."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase

from torch import nn

from asgml._checks import Encoder, plain_name


def check_tied(encoders: Mapping[str, Encoder], model: nn.Module | None) -> None:
    """Refuse an encoder one of whose weights the model has under another name too, outside of the encoder."""
    if model is None:
        return
    names: dict[nn.Parameter, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(parameter, []).append(name)
    for modality, encoder in encoders.items():
        places = _covered(encoder, model) if isinstance(encoder, nn.Module) else ()
        for parameter in [p for p in names if len(names[p]) > 1 and p.requires_grad]:
            inside = [name for name in names[parameter] if _inside(name, encoder, places)]
            outside = [name for name in names[parameter] if name not in inside]
            if inside and outside:
                _refuse(modality, inside[0], outside[0])


def places_of(encoder: nn.Module, model: nn.Module | None) -> list[str]:
    """Return the paths under which a model has an encoder."""
    named = () if model is None else model.named_modules(remove_duplicate=False)
    return [path for path, module in named if module is encoder]


def _covered(encoder: nn.Module, model: nn.Module) -> list[str]:
    """Return an encoder's paths; of a container that is no part of the model, the paths of what it contains."""
    contained = set(encoder.modules())
    return places_of(encoder, model) or [path for path, module in model.named_modules() if module in contained]


def _inside(name: str, encoder: Encoder, places: Collection[str]) -> bool:
    if isinstance(encoder, nn.Module):
        return any(name.startswith(f"{place}." if place else "") for place in places)
    patterns = [encoder] if isinstance(encoder, str) else encoder
    return any(fnmatchcase(plain_name(name), pattern) for pattern in patterns)


def _refuse(modality: str, inside: str, outside: str) -> None:
    raise ValueError(
        f"encoder {modality!r} shares a weight with another part of the model: {plain_name(inside)!r} is "
        f"{plain_name(outside)!r} too, so that a skip, a delay or a factor of the encoder would act on that part, and its "
        "gradients would be measured as the encoder's. Untie them; or leave the shared module out of the encoder: give a "
        "module, or patterns of parameter names, without it"
    )
