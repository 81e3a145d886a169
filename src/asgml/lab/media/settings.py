"""The settings of what is made of a sound: free of numpy, so that a wrong one is refused at once."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from asgml.lab.parts.settings import Settings


class SpectrumSettings(Settings):
    """Which spectrum, of how many seconds."""

    kind: Literal["ogm", "mel"] = "ogm"
    """ogm: log(|STFT| + 1e-7), 22,050 Hz, window 512, hop 353: (257, 188) for 3 s. mel: log power in mel bands, 16,000 Hz."""
    seconds: float = Field(default=3.0, gt=0, le=600)
    """A shorter sound is repeated from its beginning until it is that long; of a longer one the rest is left out."""
    bands: int = Field(default=128, ge=8, le=256)
    """Mel bands; `ogm` has none."""

    @property
    def rate(self) -> int:
        """Samples per second."""
        return 22_050 if self.kind == "ogm" else 16_000
