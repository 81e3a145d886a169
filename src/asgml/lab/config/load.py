"""From a name or a file and some `--set a.b=c` to an `Experiment`, or to words that say what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from asgml.lab import files
from asgml.lab.config import Experiment, numbers, points, problems, yaml_size
from asgml.lab.config.overrides import Override
from asgml.lab.config.yaml_text import parse
from asgml.lab.datasets import settings
from asgml.lab.errors import InputError, did_you_mean, short


def load_experiment(name_or_path: str, sets: Sequence[str] = ()) -> Experiment:
    """Load a built-in experiment, or a YAML file, with `sets` (`train.lr=1e-3`) applied in their order.

    Where a set names another data set, the settings of the former one that the new one does not have are dropped, unless a
    set gives them too: `--set dataset.name=avdigits` keeps `image_noise` and drops `tones_per_image`.

    Returns:
        The experiment with the learning rate and the weight decay filled in.

    Raises:
        InputError: no such experiment, not YAML, or a setting is wrong: one line for each of the first few problems.
    """
    overrides = [Override.parse(text) for text in sets]
    document = _read(name_or_path)
    former = _dataset(document)
    for override in overrides:
        document = override.applied(document)
    _drop_former(former, document, {override.parts for override in overrides})
    return validate(document)


def load_dataset(name: str, sets: Sequence[str] = ()) -> Any:
    """Return the settings of a data set by name, or of one's own by `module:name`, with `sets` (`snr_db=0`) applied.

    Raises InputError as `load_experiment` does.
    """
    document: Any = {"name": "check", "dataset": {"import" if ":" in name else "name": name}, "methods": {"baseline": []}}
    for text in sets:
        document = Override.parse(f"dataset.{text}").applied(document)
    return validate(document).dataset


def validate(document: Any) -> Experiment:
    """Check a document against the schema and fill in what it leaves to the data set."""
    if infinite := numbers.not_finite(document):
        raise InputError(f"`{short(infinite[0], quoted=False)}`: must be a finite number, found {infinite[1]}")
    if long := numbers.too_long(document):
        raise InputError(f"`{short(long[0], quoted=False)}`: must be a whole number of 64 bits, found {long[1]}")
    try:
        experiment = Experiment.model_validate(document).tuned()
    except ValidationError as error:
        raise InputError("\n".join(problems.lines(error, document))) from error
    _check_points(experiment)
    return experiment


def _check_points(experiment: Experiment) -> None:
    for point in points.of(experiment):
        points.tried(point.experiment)


def built_in() -> dict[str, str]:
    """Return the text of every built-in experiment by its name."""
    folder = resources.files("asgml.lab") / "experiments"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)
    return {f.name.removesuffix(".yaml"): f.read_text(encoding="utf-8") for f in files}


def _read(name_or_path: str) -> Any:
    if text := built_in().get(name_or_path):
        return parse(text, source=name_or_path)
    shown = short(name_or_path, 200)
    try:
        text = files.read_text(Path(name_or_path), most=4 * yaml_size.LONGEST)
    except FileNotFoundError:
        hint = did_you_mean(name_or_path, built_in())
        raise InputError(f"{shown} is neither a built-in experiment nor a file that exists{hint}") from None
    except IsADirectoryError:
        raise InputError(f"{shown} is a folder; give the YAML file of an experiment") from None
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or short(error, 200, quoted=False)
        raise InputError(f"{shown} cannot be read as a text file: {words}") from error
    return _mapping(parse(text, source=name_or_path), name_or_path)


def _mapping(document: Any, source: str) -> Any:
    if not isinstance(document, dict):
        raise InputError(f"{source}: must be a mapping of settings (`name: ...`, `methods: ...`), found {short(document)}")
    return document


def _dataset(document: Any) -> dict[str, Any]:
    found = document.get("dataset")
    return dict(found) if isinstance(found, dict) else {}


def _drop_former(former: dict[str, Any], document: Any, sets: set[tuple[str, ...]]) -> None:
    now = document.get("dataset")
    if not isinstance(now, dict) or "import" in former:
        return
    if "import" in now:
        stale = set(former)
    elif now.get("name") == former.get("name", "keypad") or str(now.get("name")) not in settings.BUILT_IN:
        return
    else:
        stale = set(former) - settings.BUILT_IN[now["name"]].model_fields.keys()
    for key in stale:
        if not any(parts[:2] in {("dataset", key), ("dataset",)} for parts in sets):
            now.pop(key, None)
