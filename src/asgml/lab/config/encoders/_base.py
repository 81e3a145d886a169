"""What the settings of every encoder are, and what kinds of samples there are."""

from __future__ import annotations

from typing import ClassVar, Literal

from asgml.lab.parts.settings import Part

Sample = Literal["text", "vector", "sequence", "image", "frames"]
"""ids (L,) · (D,) · (T, D) · (C, H, W) · (T, C, H, W)."""


class EncoderSettings(Part):
    """One encoder: (B, ...) -> (B, D)."""

    takes: ClassVar[tuple[Sample, ...]]
    """The kinds of samples that it is made for. Frames pass one by one through what is made for images."""
    package: ClassVar[str | None] = None
    """What it needs beside the lab's own packages."""
