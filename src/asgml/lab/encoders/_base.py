"""The base of all encoders, and the kinds of samples that there are."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from asgml.lab.errors import InputError
from asgml.lab.parts.settings import Part

if TYPE_CHECKING:
    from torch import Tensor, nn

Sample = Literal["text", "vector", "sequence", "image", "frames"]
"""ids (L,) · (D,) · (T, D) · (C, H, W) · (T, C, H, W)."""


class Encoder(Part):
    """One encoder: inputs (B, ...) in, features (B, D) out.

    An encoder is its settings, the modules that it trains, and the feature that it makes with them.
    """

    takes: ClassVar[tuple[Sample, ...]]
    """The kinds of samples that it is made for. Frames pass one by one through what is made for images."""
    package: ClassVar[str | None] = None
    """The package that it needs beside the lab's own."""

    def modules(self, shape: Sequence[int], feature_dim: int) -> dict[str, Any]:
        """Return name -> module, parameter or buffer, for samples of a shape; a ValueError says what does not fit."""
        raise NotImplementedError

    def feature(self, modules: Any, x: Tensor) -> Tensor:
        """Return features (B, D) of inputs (B, ...); `modules` has every one under its name."""
        raise NotImplementedError

    def build(self, shape: Sequence[int], feature_dim: int) -> nn.Module:
        """Return the module that encodes samples of a shape, (B, *shape) -> (B, feature_dim)."""
        from asgml.lab.encoders._module import EncoderModule

        return EncoderModule(self, shape, feature_dim)

    def check(self, modality: str) -> None:
        """Raise InputError where its package, or a file or folder of its settings, is not there."""
        where = f"model.encoders.{modality}.{self.kind}"
        for name in ("weights", "folder"):
            path = getattr(self, name, None)
            if path is not None and not path.exists():
                way = f"give a local {'folder' if name == 'folder' else 'file'}"
                raise InputError(f"`{where}.{name}`: {path} does not exist; {way}")
        if self.package and find_spec(self.package) is None:
            raise InputError(f"`{where}`: needs the package {self.package}: pip install 'asgml[encoders]'")
