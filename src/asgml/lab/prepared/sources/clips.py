"""Audio-visual clips with lists of what is for training and what for test: AVE, Kinetics-Sounds and VGGSound.

Built from the layouts that these data sets are described with; films lie anywhere under the root, cut to their clips, and are
found by the stem of their name. A recording (`.wav`) of the same stem is taken in place of the film's own sound.

    ave              trainSet.txt, valSet.txt, testSet.txt: category&video&quality&start&end; films named by video
    vggsound         vggsound.csv: video,start,label,train or test; films named video_000030 (the start in six digits)
    kinetics_sounds  train.csv, validate.csv, test.csv: label,youtube_id,time_start,time_end,split with a head line, holding the
                     classes wanted (31 in the field's use); films named youtube_id_000030_000040
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from asgml.lab.errors import InputError
from asgml.lab.prepared.clip import Clip
from asgml.lab.prepared.prepare import Listing
from asgml.lab.prepared.sources.tables import lines, records, rows

FILMS = (".mp4", ".mkv", ".webm", ".avi", ".flv", ".mov")
SOUNDS = (".wav", ".flac")


class Line(NamedTuple):
    """What a list says of a clip: the stem of its file, its label, its split, and the video that it was cut from."""

    stem: str
    label: str
    split: str
    video: str
    start: str = ""


def listing(name: str, root: Path, metadata: Path | None = None) -> Listing:
    """List the clips that the lists in `metadata` (or `root`) name. InputError where there is no list, or it has no clips."""
    lists = list(LISTS[name](metadata or root))
    if not lists:
        raise InputError(f"--metadata: must hold the lists of {name}, found no clip in those of {metadata or root}")
    once = sorted(set(lists))
    if len({line._replace(split="") for line in once}) != len(once):
        raise InputError(f"--metadata: the lists of {name} must name every clip once, found some twice in {metadata or root}")
    files = {ending: dict[str, Path]() for ending in (*SOUNDS, *FILMS)}
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in files:
            files[path.suffix.lower()].setdefault(path.stem, path)
    sounds, films = (_first(files[ending] for ending in endings) for endings in (SOUNDS, FILMS))
    clips = tuple(_clip(line, id_, films, sounds, root) for line, id_ in zip(once, _ids(once), strict=True))
    return Listing(name, tuple(sorted({line.label for line in lists})), clips, notes=tuple(_said(lists, once)))


def _ids(once: Sequence[Line]) -> list[str]:
    """The stem of its file names a clip; where several have it, their categories too, and then when they start."""
    stems = Counter(line.stem for line in once)
    named = Counter((line.stem, line.label) for line in once)
    found = []
    for line in once:
        more = [line.label] * (stems[line.stem] > 1) + [line.start] * (named[line.stem, line.label] > 1)
        found.append("/".join([line.stem, *more]))
    return found


def _said(lists: Sequence[Line], once: Sequence[Line]) -> Iterator[str]:
    """What a reader must know of the lists."""
    if len(once) < len(lists):
        yield f"{len(lists) - len(once)} lines of the lists stand there twice and count once"
    stems = Counter(line.stem for line in once)
    if several := [stem for stem, count in stems.items() if count > 1]:
        yield f"{len(several)} films carry several categories or stretches, such as {several[0]}, and give a clip for each"
    splits: dict[str, set[str]] = {}
    for line in once:
        splits.setdefault(line.video, set()).add(line.split)
    if crossing := [video for video, found in splits.items() if len(found) > 1]:
        found = f"{len(crossing)} films stand in more than one split, such as {crossing[0]}"
        yield f"{found}: their scores do not say what a new film would give"


def _clip(line: Line, id_: str, films: Mapping[str, Path], sounds: Mapping[str, Path], root: Path) -> Clip:
    film = films.get(line.stem, root / f"{line.stem}{FILMS[0]}")
    files = {"audio": sounds.get(line.stem, film), "visual": film}
    return Clip(id_, line.label, files, {"group": line.video, "published": line.split})


def _first(found: Iterator[dict[str, Path]]) -> dict[str, Path]:
    """Join, the former going first."""
    joined: dict[str, Path] = {}
    for more in found:
        joined = more | joined
    return joined


def _ave(folder: Path) -> Iterator[Line]:
    for split, name in {"train": "trainSet.txt", "validation": "valSet.txt", "test": "testSet.txt"}.items():
        path = folder / name
        for number, line in enumerate(lines(path), 1):
            parts = line.split("&")
            if len(parts) != 5:
                raise InputError(f"--metadata: {path}, line {number}: must be category&video&quality&start&end, found {line!r}")
            if parts[1] != "VideoID":
                yield Line(parts[1], parts[0], split, parts[1], parts[3])


def _vggsound(folder: Path) -> Iterator[Line]:
    path = folder / "vggsound.csv"
    for number, row in enumerate(rows(path), 1):
        if len(row) != 4 or not row[1].isdecimal() or row[3] not in ("train", "test"):
            raise InputError(f"--metadata: {path}, line {number}: must be video,start,label,train or test, found {row}")
        yield Line(f"{row[0]}_{int(row[1]):06d}", row[2], row[3], row[0])


def _kinetics(folder: Path) -> Iterator[Line]:
    for split, name in {"train": "train.csv", "validation": "validate.csv", "test": "test.csv"}.items():
        path = folder / name
        found = records(path if path.is_file() else None, "label", "youtube_id", "time_start", "time_end")
        for number, row in enumerate(found, 2):
            start, end = (_second(path, number, key, row[key]) for key in ("time_start", "time_end"))
            stem = f"{row['youtube_id']}_{start:06d}_{end:06d}"
            yield Line(stem, row["label"], split, row["youtube_id"])


def _second(path: Path, number: int, key: str, written: str) -> int:
    """A time in whole seconds, however it is written: `30`, `30.0`."""
    try:
        found = float(written)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e6 or not found.is_integer():
        raise InputError(f"--metadata: {path}, row {number}: {key} must be whole seconds, found {written!r}")
    return int(found)


LISTS: Mapping[str, Callable[[Path], Iterator[Line]]] = {"ave": _ave, "vggsound": _vggsound, "kinetics_sounds": _kinetics}
