"""CREMA-D (H. Cao et al., IEEE Transactions on Affective Computing 5(4), 2014): actors speak twelve sentences in six emotions.

The distribution holds `AudioWAV/1001_DFA_ANG_XX.wav` (16 kHz) and `VideoFlash/1001_DFA_ANG_XX.flv` (480 x 360, 29.97 Hz), named
by actor, sentence, emotion and level.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from asgml.lab.errors import InputError
from asgml.lab.media.failures import Reason
from asgml.lab.prepared.clip import Clip, Problem
from asgml.lab.prepared.prepare import Listing
from asgml.lab.prepared.sources.tables import find, records, rows

EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
NAME = re.compile(rf"(?P<actor>\d{{4}})_(?P<sentence>[A-Z]{{3}})_(?P<label>{'|'.join(EMOTIONS)})_(?P<level>LO|MD|HI|XX?)")
AUDIO, VIDEO = "AudioWAV", "VideoFlash"
FILMS = (".flv", ".mp4")
LISTS: Mapping[str, tuple[str, str]] = {"train": ("ogm_train.csv", "train.csv"), "test": ("ogm_test.csv", "test.csv")}
"""The published lists of the OGM-GE line: clip, emotion; no head line."""
Table = Mapping[str, Mapping[str, str]]
VOTES = {"VoiceVote": "voice_vote", "FaceVote": "face_vote", "MultiModalVote": "vote"}


def listing(root: Path, metadata: Path | None = None) -> Listing:
    """List the clips of the distribution in `root`, ordered by name.

    Sound comes from `AudioWAV`, or from the films where there is no such folder. `metadata` (or `root`) may hold the
    published lists, `VideoDemographics.csv` and `summaryTable.csv`; what they say is kept with each clip. A clip that a list
    names and that is not there is a missing file. Raises InputError where there is no film, or a list contradicts the names.
    """
    folders = [f for f in (metadata, root, root / "processedResults") if f]
    lists = published(folders)
    films, sounds = _files(root / VIDEO, FILMS), _files(root / AUDIO, (".wav",))
    if not films:
        raise InputError(
            f"--root: must hold {VIDEO}/*.flv or *.mp4, found none in {root / VIDEO}; get the distribution of CREMA-D"
        )
    names = sorted({*films, *sounds, *lists})
    actors = {r["ActorID"]: r for r in records(find("VideoDemographics.csv", folders), "ActorID", "Age", "Sex")}
    votes = {r["FileName"]: r for r in records(find("summaryTable.csv", folders), "FileName", *VOTES)}
    clips = []
    for name, parts in ((n, m) for n in names if (m := NAME.fullmatch(n))):
        film = films.get(name, root / VIDEO / f"{name}.flv")
        sound = sounds.get(name, root / AUDIO / f"{name}.wav") if sounds else film
        clips.append(Clip(name, parts["label"], {"audio": sound, "visual": film}, _about(name, parts, lists, actors, votes)))
    unknown = tuple(
        Problem(n, "", n, Reason.UNKNOWN, "must be actor_sentence_emotion_level, such as 1001_DFA_ANG_XX")
        for n in names
        if not NAME.fullmatch(n)
    )
    return Listing("cremad", EMOTIONS, tuple(clips), unknown)


def published(folders: Sequence[Path]) -> dict[str, str]:
    """Return clip -> "train" or "test", as the published lists say; nothing where there are none."""
    found: dict[str, str] = {}
    for split, names in LISTS.items():
        path = next((p for name in names if (p := find(name, folders))), None)
        for row in rows(path) if path else ():
            name, label = (*row, "")[:2]
            parts = NAME.fullmatch(name)
            if parts is None or parts["label"] != label or name in found:
                raise InputError(f"--metadata: {path} must have rows of clip,emotion, a clip once in both lists, found {row}")
            found[name] = split
    return found


def _about(name: str, parts: re.Match[str], lists: Mapping[str, str], actors: Table, votes: Table) -> dict[str, str]:
    about = {k: parts[k] for k in ("actor", "sentence", "level")}
    about |= {"published": lists[name]} if name in lists else {}
    about |= {key.lower(): value for key, value in actors.get(parts["actor"], {}).items() if key != "ActorID"}
    return about | {to: votes[name][key] for key, to in VOTES.items() if name in votes}


def _files(folder: Path, endings: Sequence[str]) -> dict[str, Path]:
    """Return stem -> file, for the first of the endings that there is."""
    found = [p for ending in reversed(endings) for p in folder.glob(f"*{ending}")] if folder.is_dir() else []
    return {path.stem: path for path in found}
