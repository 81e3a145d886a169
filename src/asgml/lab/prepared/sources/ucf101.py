"""UCF-101 (K. Soomro et al., 2012): films of 101 actions, and their optical flow as pictures.

Built from the lists as published, `trainlist01.txt` (`ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1`) and `testlist01.txt`
(the same without a number), and likewise 02 and 03; and from the usual two-stream distribution of flow, as it is described: a
folder per clip, `v_ApplyEyeMakeup_g08_c01/flow_x_00001.jpg`, or two of them, `tvl1_flow/u/v_Archery_g01_c01/frame000001.jpg`
and the same in `v`. Films and folders lie anywhere under the root.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping
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
    named = _named(folds.values())
    films, flows = _files(root, named)
    clips = []
    for key, name in sorted(named.items(), key=lambda item: item[1].stem):
        said = {f"published{n}": fold[key][1] for n, fold in folds.items() if key in fold}
        files = {"visual": films.get(key, root / name), "flow": flows.get(key, root / name.stem)}
        clips.append(Clip(name.stem, name.parent.name, files, {"group": name.stem.rpartition("_c")[0], **said}))
    spelled = {name.stem for fold in folds.values() for name, _ in fold.values()}
    notes = [f"{len(spelled) - len(named)} clips are spelled in two ways, and count once"] if len(spelled) > len(named) else []
    return Listing("ucf101", tuple(sorted({clip.label for clip in clips})), tuple(clips), notes=tuple(notes))


def _named(folds: Iterable[Mapping[str, tuple[PurePosixPath, str]]]) -> dict[str, PurePosixPath]:
    """Return clip -> file, every class spelled in one way: HandstandPushups is HandStandPushups elsewhere."""
    found: dict[str, PurePosixPath] = {}
    labels: dict[str, str] = {}
    for fold in folds:
        for key, (name, _) in fold.items():
            label = labels.setdefault(name.parent.name.casefold(), name.parent.name)
            found.setdefault(key, PurePosixPath(label, name.name))
    return found


def _fold(folder: Path, number: int) -> dict[str, tuple[PurePosixPath, str]]:
    """Return clip, in small letters -> file and split."""
    found: dict[str, tuple[PurePosixPath, str]] = {}
    for split in ("train", "test"):
        path = folder / f"{split}list{number:02d}.txt"
        for at, line in enumerate(lines(path), 1):
            name = PurePosixPath(line.split()[0])
            key, whole = name.stem.casefold(), name.suffix == ".avi" and "_c" in name.name and name.parent.name
            known = found.get(key)
            if not whole or (known and (known[0].name == name.name or known[1] != split)):
                raise InputError(
                    f"--metadata: {path}, line {at}: must be Class/v_Class_g01_c01.avi, a clip once, found {line!r}"
                )
            found.setdefault(key, (name, split))
    return found


def _files(root: Path, stems: Container[str]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Find films and folders of flow by the names of the clips; the thousands of pictures in these are not looked at."""
    films, flows = dict[str, Path](), dict[str, Path]()
    for at, folders, names in os.walk(root):
        films |= {Path(n).stem.casefold(): Path(at, n) for n in sorted(names) if n.endswith(".avi")}
        within = Path(at).with_name("u") if Path(at).name == "v" else Path(at)
        flows |= {n.casefold(): within / n for n in folders if n.casefold() in stems}
        folders[:] = sorted(n for n in folders if n.casefold() not in stems)
    return films, flows
