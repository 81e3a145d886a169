"""Weights in torchvision's format, from a file of the user's."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from asgml.lab import memory
from asgml.lab.errors import InputError


def load_trunk(encoder: nn.Module, path: Path) -> None:
    """Load a state dict into an encoder with torchvision's names; the file's classifier (`fc`) is left out.

    The first convolution of the file sees red, green and blue. For another number of input channels, each channel gets the sum
    of the three kernels divided by the number of channels: one grey channel is seen as three equal ones would be.

    Raises:
        InputError: no such file, no state dict in it, or other names or shapes; the words say which.
    """
    trunk = {name: x for name, x in _state(path).items() if not name.startswith("fc.")}
    own = {name: x for name, x in encoder.state_dict().items() if not name.startswith("fc.")}
    channels = own["conv1.weight"].shape[1]
    if "conv1.weight" in trunk and trunk["conv1.weight"].shape[1:2] == (3,) and channels != 3:
        trunk["conv1.weight"] = trunk["conv1.weight"].sum(1, keepdim=True).expand(-1, channels, -1, -1) / channels
    _check(trunk, own, path)
    encoder.load_state_dict(trunk, strict=False)


def _state(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"weights {path} cannot be read as a state dict: {type(error).__name__}: {error}") from error
    except Exception as error:  # not in torch's words, which advise to switch its safety off
        if memory.lacked(error):
            raise
        found = "it is cut off or damaged, or holds more than tensors"
        raise InputError(f"weights {path} cannot be read as a state dict: {found}; get the file anew") from error
    if isinstance(state, dict) and all(isinstance(x, Tensor) for x in state.values()):
        return dict(state)
    raise InputError(f"weights {path} must hold a state dict, parameter name -> tensor, found {type(state).__name__}")


def _check(trunk: dict[str, Tensor], own: dict[str, Tensor], path: Path) -> None:
    missing, unknown = sorted(own.keys() - trunk.keys()), sorted(trunk.keys() - own.keys())
    if missing or unknown:
        raise InputError(
            f"weights {path} must have the names of torchvision's resnet18; missing: {missing[:3]} ({len(missing)} in all), "
            f"unknown: {unknown[:3]} ({len(unknown)} in all)"
        )
    for name, x in own.items():
        if trunk[name].shape != x.shape:
            raise InputError(f"weights {path}: {name} must have shape {tuple(x.shape)}, found {tuple(trunk[name].shape)}")
