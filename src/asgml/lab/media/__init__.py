"""Media files into arrays: sound as samples, films as frames at chosen moments, pictures, flow. Needs the extra `media`."""

from asgml.lab.media.failures import Reason, Unreadable
from asgml.lab.media.flow import read_flow
from asgml.lab.media.image import read_image
from asgml.lab.media.sampling import Sampling, moments
from asgml.lab.media.settings import SpectrumSettings
from asgml.lab.media.sound import Sound, read_sound
from asgml.lab.media.spectrum import spectrum
from asgml.lab.media.video import Frames, read_frames

__all__ = [
    "Frames", "Reason", "Sampling", "Sound", "SpectrumSettings", "Unreadable", "moments", "read_flow", "read_frames",
    "read_image", "read_sound", "spectrum",
]  # fmt: skip
