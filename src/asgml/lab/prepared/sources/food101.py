"""UPMC Food-101 (X. Wang et al., ICME Workshops 2015): pictures of 101 dishes and the titles of the pages they stand on.

Built from the layout that users of this data set describe: `images/train/apple_pie/apple_pie_0.jpg` (and `images/test/...`),
and `texts/train_titles.csv` and `texts/test_titles.csv` with rows of image_name,text,label, with a head line or without one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from asgml.lab.errors import InputError
from asgml.lab.media.failures import Reason
from asgml.lab.prepared.clip import Clip, Problem
from asgml.lab.prepared.prepare import Listing
from asgml.lab.prepared.sources.tables import rows

SPLITS = ("train", "test")
PICTURES = (".jpg", ".jpeg", ".png")


def listing(root: Path, metadata: Path | None = None) -> Listing:
    """List the pictures that the titles name; the lists lie in `metadata`, or in `root/texts`.

    A picture whose title is not there is a problem. Raises InputError where a list is not there or names a picture twice.
    """
    clips = sorted((clip for split in SPLITS for clip in _titled(root, metadata or root / "texts", split)), key=lambda c: c.id)
    files = {clip.files["visual"] for clip in clips}
    if len(files) != len(clips):
        raise InputError(
            f"--metadata: the lists must name every picture once, found some twice in {metadata or root / 'texts'}"
        )
    clips = _named_apart(clips)
    found = (p for split in SPLITS for p in sorted((root / "images" / split).rglob("*")) if p.suffix.lower() in PICTURES)
    bare = tuple(Problem(p.stem, "text", p.name, Reason.MISSING, "no list has its text") for p in found if p not in files)
    return Listing("food101", tuple(sorted({clip.label for clip in clips})), tuple(clips), bare)


def _named_apart(clips: list[Clip]) -> list[Clip]:
    """Pictures of two dishes that have one name are told apart by the dish."""
    counted = Counter(clip.id for clip in clips)
    return [c if counted[c.id] == 1 else replace(c, id=f"{c.id} ({c.label})", about={**c.about, "group": f"{c.id} ({c.label})"})
            for c in clips]  # fmt: skip


def _titled(root: Path, lists: Path, split: str) -> Iterator[Clip]:
    path = lists / f"{split}_titles.csv"
    for number, row in enumerate(rows(path), 1):
        named = len(row) == 3 and Path(row[0]).suffix.lower() in PICTURES
        if not named and number > 1:
            raise InputError(f"--metadata: {path}, row {number}: must be image_name,text,label, found {row}")
        if named:
            name, text, label = row
            id_ = f"{split}/{Path(name).stem}"
            file = root / "images" / split / label / name
            yield Clip(id_, label, {"visual": file}, {"group": id_, "published": split}, {"text": text})
