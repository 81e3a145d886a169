"""UCF-101 (K. Soomro et al., 2012): films of 101 actions, and their optical flow as pictures.

Built from the lists as published, `trainlist01.txt` (`ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1`) and `testlist01.txt`
(the same without a number), and likewise 02 and 03; and from the usual two-stream distribution of flow, as it is described: a
folder per clip, `v_ApplyEyeMakeup_g08_c01/flow_x_00001.jpg`. Films and folders lie anywhere under the root.
"""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path, PurePosixPath

from asgml.lab.errors import InputError
from asgml.lab.prepared.clip import Clip
from asgml.lab.prepared.prepare import Listing
from asgml.lab.prepared.sources.tables import lines

FOLDS = (1, 2, 3)


def listing(root: Path, metadata: Path | None = None) -> Listing:
    """List the clips that the lists in `metadata` (or `root`) name; a group is the film that clips were cut from.

    Raises InputError where there is no pair of lists, or one contradicts itself.
    """
    folder = metadata or root
    folds = {n: _fold(folder, n) for n in FOLDS if (folder / f"trainlist{n:02d}.txt").is_file()}
    if not folds:
        raise InputError(f"--metadata: must hold trainlist01.txt and testlist01.txt (or 02, 03), found none in {folder}")
    named = {PurePosixPath(name).stem: PurePosixPath(name) for fold in folds.values() for name in fold}
    films, flows = _files(root, named)
    clips = []
    for stem, name in sorted(named.items()):
        said = {f"published{n}": fold[str(name)] for n, fold in folds.items() if str(name) in fold}
        files = {"visual": films.get(stem, root / name), "flow": flows.get(stem, root / stem)}
        clips.append(Clip(stem, name.parent.name, files, {"group": stem.rpartition("_c")[0], **said}))
    return Listing("ucf101", tuple(sorted({clip.label for clip in clips})), tuple(clips))


def _fold(folder: Path, number: int) -> dict[str, str]:
    """Return file -> split."""
    found: dict[str, str] = {}
    for split in ("train", "test"):
        path = folder / f"{split}list{number:02d}.txt"
        for at, line in enumerate(lines(path), 1):
            name = line.split()[0]
            if not (name.endswith(".avi") and "_c" in name and PurePosixPath(name).parent.name) or name in found:
                raise InputError(
                    f"--metadata: {path}, line {at}: must be Class/v_Class_g01_c01.avi, a clip once, found {line!r}"
                )
            found[name] = split
    return found


def _files(root: Path, stems: Container[str]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Find films and folders of flow by the names of the clips; the thousands of pictures in these are not looked at."""
    films, flows = dict[str, Path](), dict[str, Path]()
    for at, folders, names in os.walk(root):
        films |= {Path(n).stem: Path(at, n) for n in sorted(names) if n.endswith(".avi")}
        flows |= {n: Path(at, n) for n in folders if n in stems}
        folders[:] = sorted(n for n in folders if n not in stems)
    return films, flows
