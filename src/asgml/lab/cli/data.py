"""`asgml data`: from media to a prepared store, and a look at any data set before a model sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

app = App(name="data", help="Prepare data sets from media files, and check what a model would see.", help_format="plaintext")


@app.command(help_epilogue="")
def prepare(
    name: Literal["cremad", "ave", "kinetics_sounds", "vggsound", "food101", "ucf101"],
    /,
    *,
    root: Path,
    out: Path,
    metadata: Path | None = None,
    frames: int = 3,
    size: int = 224,
    sampling: Literal["even", "segment", "first"] = "even",
    spectrum: Literal["ogm", "mel"] = "ogm",
    bands: int = 128,
    seconds: float = 3.0,
    flow_pairs: int = 10,
    text_length: int = 128,
    jobs: int | None = None,
    strict: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Read a data set's media files once and write a store to train from.

    A file that gives no sample is listed in problems.csv with its reason, and its clip is left out.
    The same command goes on where it was interrupted; the store appears when it is whole.

    Examples:

      asgml data prepare cremad --root CREMA-D --metadata lists --out stores/cremad
      asgml data prepare cremad --root CREMA-D --out stores/first --frames 1 --sampling first

    Parameters
    ----------
    name
        The data set.
    root
        The folder of its media: for CREMA-D that of the distribution, with AudioWAV and VideoFlash.
    out
        The folder of the store.
    metadata
        The folder of its lists, if that is not the root: which files, docs/media.md says.
    frames
        Frames of a clip.
    size
        Their height and width in pixels.
    sampling
        even: over the whole clip; segment: one at random in each part; first: the first ones.
    spectrum
        ogm: 257 x 188 for 3 s, as in the OGM-GE line; mel: on the mel scale.
    bands
        Mel bands.
    seconds
        Seconds of sound: shorter ones are repeated, longer ones cut.
    flow_pairs
        Neighbouring flows along x and y, from the middle of a clip.
    text_length
        Characters of a text; longer ones are cut.
    jobs
        Processes that read; as many as there are usable cores by default.
    strict
        Stop at the first file that gives no sample.
    """
    from asgml.lab.cli import preparing

    reading = {"spectrum": {"kind": spectrum, "bands": bands, "seconds": seconds},
               "frames": {"count": frames, "size": size, "sampling": sampling},
               "flow_pairs": flow_pairs, "text_length": text_length}  # fmt: skip
    preparing.prepare(name, root, metadata, out, reading, jobs, strict)


@app.command(help_epilogue="")
def check(
    what: str,
    /,
    *,
    set: Annotated[list[str] | None, Parameter(negative=())] = None,
    seed: int = 0,
    out: Path | None = None,
) -> None:
    """Look at a data set before a model sees it, print what stands out, and write a page.

    The page shows examples of each modality, which part of a clip is seen, values, constant and
    equal samples, balance, what the splits share, and whether inputs tell the label at all.

    Examples:

      asgml data check keypad --set snr_db=0
      asgml data check avdigits --set root=recordings --set split=speaker
      asgml data check stores/cremad --set split=actor
      asgml data check mine.yaml

    Parameters
    ----------
    what
        The name of a data set, module:name of your own, the folder of a prepared store, a manifest, or
        an experiment (mine.yaml), whose data sets are looked at.
    set
        SETTING=VALUE of the data set; may be given again and again.
    seed
        The seed that splits and noise are drawn from.
    out
        The HTML file to write; outputs/check-NAME.html by default.
    """
    from asgml.lab.cli import checking

    checking.check(what, set or [], seed, out)
