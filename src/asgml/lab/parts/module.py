"""The module that runs a part of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn


class PartModule(nn.Module):
    """A part's layers, under the names that the part gives them: modules, parameters, and buffers that no file keeps."""

    def __init__(self, layers: Mapping[str, nn.Module | nn.Parameter | Tensor]):
        super().__init__()
        for name, layer in layers.items():
            if isinstance(layer, nn.Module):
                self.add_module(name, layer)
            elif isinstance(layer, nn.Parameter):
                self.register_parameter(name, layer)
            else:
                self.register_buffer(name, layer, persistent=False)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
