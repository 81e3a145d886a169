"""What happens to training samples at random, batch by batch; nothing happens to those that are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field

from asgml.lab.errors import InputError, did_you_mean, short
from asgml.lab.parts.settings import Settings, Share


class VisualAugment(Settings):
    """Pictures (C, H, W), and clips of frames (T, C, H, W), all frames of one alike."""

    least: ClassVar[int] = 3
    """Dimensions of a sample."""
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

    least: ClassVar[int] = 2
    """Dimensions of a sample."""
    shift: Share = 0.0
    """Moved in time by up to this share of its length either way, what leaves at one end coming in at the other."""
    noise: float = Field(default=0.0, ge=0)
    """Standard deviation of white noise that is added."""
    frequency_mask: Share = 0.0
    """A band of up to this share of the frequencies becomes the spectrogram's mean."""
    time_mask: Share = 0.0
    """A stretch of up to this share of the time becomes the spectrogram's mean."""


Settled = VisualAugment | AudioAugment
MEANT: dict[str, type[Settled]] = {"visual": VisualAugment, "audio": AudioAugment}
"""What a name means where no modality is called so: all of its kind."""
KINDS = {"visual": "visual", "image": "visual", "video": "visual", "audio": "audio"}
"""What an input holds -> which of these changes it."""


def check_shape(modality: str, settings: Settled, shape: Sequence[int], *, floating: bool) -> None:
    """Raise InputError where samples (...) of this shape cannot be changed so."""
    if not (floating and len(shape) >= settings.least):
        raise InputError(f"`train.augment.{modality}`: does not fit samples of shape {tuple(shape)}; leave it out")


def _settled(found: Any) -> Any:
    """Tell by their names whether settings are those of pictures or of sounds."""
    if not isinstance(found, Mapping):
        return found
    known = {name: which for which in MEANT.values() for name in which.model_fields}
    for name in found:
        if name not in known:
            raise ValueError(f"unknown setting {short(name)}{did_you_mean(str(name), known)}")
    which = {known[name] for name in found}
    if len(which) != 1:
        raise ValueError(f"must have settings of pictures ({', '.join(VisualAugment.model_fields)}) or of sounds "
                         f"({', '.join(AudioAugment.model_fields)}), found {', '.join(found) or 'none'}")  # fmt: skip
    return which.pop().model_validate(found)


class Augment(Settings):
    """By kind of input, or by the modality's own name, which goes first; drawn from (seed, epoch, batch)."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    __pydantic_extra__: dict[str, Annotated[Settled | None, BeforeValidator(_settled)]] = Field(init=False)
    visual: VisualAugment | None = None
    """The modality of this name, and all pictures and films that have no settings of their own."""
    audio: AudioAugment | None = None
    """The modality of this name, and all sounds that have no settings of their own."""

    @property
    def named(self) -> dict[str, Settled]:
        """Name -> its settings, of those that have some."""
        found = {"visual": self.visual, "audio": self.audio, **(self.__pydantic_extra__ or {})}
        return {name: settings for name, settings in found.items() if settings is not None}

    def of(self, kinds: Mapping[str, str]) -> dict[str, Settled]:
        """Return modality -> its settings; `kinds` is modality -> what it holds ("audio", "image", ...)."""
        named = self.named
        found = {m: named[m] if m in named else named.get(KINDS.get(kind, "")) for m, kind in kinds.items()}
        return {m: settings for m, settings in found.items() if settings is not None}
