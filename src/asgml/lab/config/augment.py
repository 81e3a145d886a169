"""What happens to training samples at random, batch by batch; nothing happens to those that are scored."""

from __future__ import annotations

from pydantic import Field

from asgml.lab.parts.settings import Settings, Share


class VisualAugment(Settings):
    """Pictures (C, H, W), and clips of frames (T, C, H, W), all frames of one alike."""

    crop: float = Field(default=1.0, gt=0, le=1)
    """A part is cut out and resized to the whole: at least this share of the area, its shape 3:4 to 4:3; 1: none."""
    flip: Share = 0.0
    """How often left and right change places."""
    colour: float = Field(default=0.0, ge=0, le=1)
    """Contrast and saturation times 1 - colour to 1 + colour, brightness plus up to as many standard deviations; 0: none."""
    erase: Share = 0.0
    """How often a rectangle of 2-33 % of the area becomes 0."""


class AudioAugment(Settings):
    """Spectrograms (..., F, T)."""

    shift: Share = 0.0
    """Moved in time by up to this share of its length either way, what leaves at one end coming in at the other."""
    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of white noise that is added."""
    frequency_mask: Share = 0.0
    """A band of up to this share of the frequencies becomes the spectrogram's mean."""
    time_mask: Share = 0.0
    """A stretch of up to this share of the time becomes the spectrogram's mean."""


class Augment(Settings):
    """By modality; drawn from (seed, epoch, batch)."""

    visual: VisualAugment | None = None
    audio: AudioAugment | None = None
