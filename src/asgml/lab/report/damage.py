"""Whether the files of a finished cell are whole and agree with each other; a cell that they do not give has no number."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asgml.lab import seal, shapes, store
from asgml.lab.config import address, place
from asgml.lab.files import open_regular
from asgml.lab.report.model import Series
from asgml.lab.tasks import scoring
from asgml.lab.tasks.scoring import Metric

UNREADABLE = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError, OSError, RecursionError, EOFError,
              zipfile.BadZipFile, zlib.error)  # fmt: skip
"""What reading a file that is not what it should be may raise."""
ROUNDING = 1e-6
SAME_SCORE = 0.02
"""Where the chosen epoch was looked at again, its score may differ by what another order of sums does."""
ENDS = {"r2": (-shapes.LARGEST, 1.0), "pearson": (-1.0, 1.0), "mae": (0.0, shapes.LARGEST)}
"""A metric that is no share from 0 to 1 -> its smallest and largest value."""
KEPT = ("id", "label", "group", "logits")
"""What `predictions.npz` holds of each split."""
WHOLE = 1 << 26
"""Bytes of a `predictions.npz` up to which every one of its checksums is compared."""


class Damaged(Exception):
    """A file of a cell is not what a run writes; the words begin with its name."""


def read(path: Path, reader: Callable[[], Any]) -> Any:
    """Return what `reader` reads of this file; Damaged where it fails."""
    try:
        return reader()
    except UNREADABLE as error:
        words = f"{type(error).__name__}: {error}"
        if type(error) is ValueError or isinstance(error, OSError):  # our own words, and those of the system
            words = getattr(error, "strerror", None) or str(error)
        raise Damaged(f"{path.name} cannot be read ({words[:200]})") from error


def record(path: Path, shape: type[shapes.Shape]) -> Mapping[str, Any] | None:
    """Return the JSON object in this file, of that shape; None where there is no file."""

    def reader() -> Any:
        value = store.read_json(path)
        if value is not None or path.exists():
            shapes.hold(shape, value)
        return value

    found: Mapping[str, Any] | None = read(path, reader)
    return found


def of_another(folder: Path, method: str, seed: int, result: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Check that `config.json` is this cell's: of its method, seed and experiment, and the one that its result is of.

    Logs of another program may have no `config.json`; then nothing is compared.
    """
    path = folder / "config.json"
    config = record(path, shapes.Shape)
    if config is None:
        if result.get("config") is not None:
            raise Damaged("config.json is missing")
        return
    if result.get("config") not in (None, address.of(config)):
        raise Damaged(f"config.json is another one than result.json is of ({address.of(config)}, not {result['config']})")
    if (own := (config.get("method", method), config.get("seed", seed))) != (method, seed):
        raise Damaged(f"config.json is that of {own[0]} seed {own[1]}: this is the folder of another cell")
    if differ := _differs(config, settings):
        raise Damaged(f"config.json is of another experiment: its {differ} is not that of experiment.json")


def _differs(config: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """The first setting that cell and experiment have with other values; what was tuned or came later is no matter."""
    tuned = tuned_settings(settings.get("tune"))
    config, settings = place.alike(config, settings)
    for part in ("dataset", "model", "train"):
        ours, theirs = _leaves(config.get(part), part), _leaves(settings.get(part), part)
        for path in ours.keys() & theirs.keys():
            if ours[path] != theirs[path] and not any(path == t or path.startswith(f"{t}.") for t in tuned):
                return path
    return None


def tuned_settings(tune: Any) -> tuple[str, ...]:
    """The dotted settings that `tune` tries."""
    return tuple({**(tune.get("over") or {}), **(tune.get("space") or {})}) if isinstance(tune, Mapping) else ()


def _leaves(value: Any, path: str) -> dict[str, Any]:
    """Dotted path -> plain value, of a mapping; a list counts as one value."""
    if not isinstance(value, Mapping):
        return {path: value}
    return {at: leaf for key, inner in value.items() for at, leaf in _leaves(inner, f"{path}.{key}").items()}


def of_seal(path: Path) -> None:
    """Check a file against the checksum beside it, where there is one: another cell's file, and a value changed, are found."""
    if read(path, lambda: seal.broken(path)):
        raise Damaged(f"{path.name} holds something else than the run wrote: its checksum differs")


def of_log(result: Mapping[str, Any], header: Mapping[str, Any], series: Mapping[str, Series]) -> None:
    """Check a log: its header, that its numbers can be what they say they are, and that it is whole beside the result."""
    read(Path("metrics.jsonl"), lambda: shapes.hold(shapes.Header, header))
    of_values(header, series)
    of_epochs(result, header, series)


def of_epochs(result: Mapping[str, Any], header: Mapping[str, Any], series: Mapping[str, Series]) -> None:
    """Check that the log holds every epoch that the result counts, the chosen one among them, and all of its updates."""
    score, best = scoring.of(header).score.key, result.get("best_epoch")
    logged = series.get(f"val/{score}") or series.get(f"test/{score}")
    if logged is None:
        return
    last = result.get("epochs") or logged.steps[-1]
    looked_once = f"val/{score}" not in series and logged.steps == (best,)
    if logged.steps != tuple(range(1, last + 1)) and not looked_once:
        raise Damaged(f"metrics.jsonl holds {len(logged.steps)} of {last} epochs")
    if best is not None and logged.at(best) is None:
        raise Damaged(f"result.json names epoch {best} as chosen, but metrics.jsonl holds {last}")
    _same_score(result, f"val/{score}", score, series)
    _complete(series, last, best)


def _same_score(result: Mapping[str, Any], tag: str, score: str, series: Mapping[str, Series]) -> None:
    """Check that the result names the validation score that the log holds at the chosen epoch."""
    said, best = result.get(f"validation_{score}"), result.get("best_epoch")
    found = series[tag].at(best) if tag in series and best is not None else None
    if said is None or found is None:
        return
    if isinstance(said, bool) or not isinstance(said, int | float) or not abs(said - found) <= SAME_SCORE:
        raise Damaged(f"result.json names {said!s:.40} as the validation score of epoch {best}, metrics.jsonl {found:g}")


def _complete(series: Mapping[str, Series], last: int, best: int | None) -> None:
    """Check that scores and probes of the test set, and updates, have no hole: at every epoch, or at the chosen one alone."""
    every = tuple(range(1, last + 1))
    for tag, found in series.items():
        if tag.startswith("test/") and found.steps not in (every, (best,)):
            raise Damaged(f"metrics.jsonl holds {tag} at {len(found.steps)} of {last} epochs")
    steps, updates = series.get("epoch/steps"), series.get("train/total_norm")
    if steps is None or updates is None or steps.steps != every:
        return
    if (wanted := int(sum(steps.values))) != len(updates.steps) or updates.steps[-1] != wanted - 1:
        raise Damaged(f"metrics.jsonl holds {len(updates.steps)} of {wanted} updates")


def of_values(header: Mapping[str, Any], series: Mapping[str, Series]) -> None:
    """Check that every number can be what its name says: shares from 0 to 1, counts and norms not below 0, none too large."""
    for tag, (low, high) in limits(series, header).items():
        values = series[tag].values
        for wrong in (min(values), max(values)):
            if not low - ROUNDING <= wrong <= high + ROUNDING:
                ends = f"from {low:g} to {high:g}" if abs(high) < 10 else f"not below {low:g}" if low == 0 else "so large"
                at = series[tag].steps[values.index(wrong)]
                raise Damaged(f"metrics.jsonl holds {wrong:g} for {tag} at {at}, which must be {ends}")


def limits(tags: Iterable[str], header: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Tag -> the smallest and the largest number that it can be."""
    found = scoring.of(header)
    own = {metric.key: _ends(metric) for metric in found.metrics}
    return {tag: _limit(tag, own, _ends(found.score)) for tag in tags}


def _ends(metric: Metric) -> tuple[float, float]:
    return ENDS.get(metric.key, (0.0, 1.0))


def _limit(tag: str, own: Mapping[str, tuple[float, float]], score: tuple[float, float]) -> tuple[float, float]:
    place, _, name = tag.partition("/")
    if place in ("train", "val", "test"):
        if name in own:
            return own[name]
        if name.startswith("probe_"):
            return score
        if name.startswith(("skipped_share_", "held_share_")) or (name == "utilization_gap" and score == (0.0, 1.0)):
            return 0.0, 1.0
    if place == "epoch" or name.startswith(("grad_norm_", "total_norm", "updates_", "flops", "utilization_gap")):
        return 0.0, shapes.LARGEST
    return -shapes.LARGEST, shapes.LARGEST


def of_predictions(path: Path, sizes: Mapping[str, int]) -> None:
    """Check that `predictions.npz`, where it is there, is whole and holds every sample: `sizes` has them by split."""
    if path.exists():
        lengths = read(path, lambda: _lengths(path))
        for split in ("validation", "test"):
            wanted, found = sizes.get(split), {n for name, n in lengths.items() if name.startswith(f"{split}_")}
            if wanted is not None and (lost := [name for name in KEPT if f"{split}_{name}" not in lengths]):
                raise Damaged(f"{path.name} lacks {split}_{lost[0]}")
            if found and (len(found) > 1 or (wanted is not None and found != {wanted})):
                raise Damaged(f"{path.name} holds {min(found)} of {wanted or max(found)} {split} samples")


def _lengths(path: Path) -> dict[str, int]:
    """Array -> its rows; the checksums of a small file are compared, of a large one the directory alone is read."""
    with open_regular(path) as content, zipfile.ZipFile(content) as file:
        if sum(member.file_size for member in file.infolist()) <= WHOLE and (wrong := file.testzip()):
            raise ValueError(f"the checksum of {wrong} is wrong")
        return {name.removesuffix(".npy"): _rows(file, name) for name in file.namelist()}


def _rows(file: zipfile.ZipFile, name: str) -> int:
    with file.open(name) as array:
        version = np.lib.format.read_magic(array)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape: Sequence[int] = reader(array)[0]
    return shape[0]
