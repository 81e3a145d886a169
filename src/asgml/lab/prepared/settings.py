"""How clips are read: the part of a preparation that a store remembers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from asgml.lab.media.settings import SpectrumSettings
from asgml.lab.parts.settings import Settings


class FrameSettings(Settings):
    """Which frames of a film, and how large."""

    count: int = Field(default=3, ge=1, le=64)
    """Frames of a clip."""
    size: int = Field(default=224, ge=8, le=1024)
    """Height and width in pixels, whatever the shape of the film."""
    sampling: Literal["even", "segment", "first"] = "even"
    """even: over the whole clip; segment: one at random in each of as many parts, drawn once; first: the first ones."""


class Reading(Settings):
    """What is made of sound, film, pictures, flow and text."""

    spectrum: SpectrumSettings = SpectrumSettings()
    frames: FrameSettings = FrameSettings()
    flow_pairs: int = Field(default=10, ge=1, le=64)
    """Neighbouring flows, each along x and y, from the middle of a clip."""
    text_length: int = Field(default=128, ge=3, le=4096)
    """Characters of a text; longer ones are cut."""
    least: float = Field(default=0.2, ge=0)
    """A sound or a film that lasts less than this many seconds is too short."""
