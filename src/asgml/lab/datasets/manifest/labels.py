"""What the labels are, decided by how they are written: classes, sets of labels, or numbers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets.manifest.problems import Problem, shown
from asgml.lab.datasets.manifest.table import MISSING, Row, number
from asgml.lab.errors import InputError

Labels = npt.NDArray[Any]
FEW = 20
"""Whole numbers written as `1.0` are classes where no more of them differ."""
MOST = 10_000
"""Labels that samples may have several of."""
LARGEST = float(np.finfo(np.float32).max)
COMMA = re.compile(r"[+-]?\d+,\d+")
"""A number with a decimal comma, or two labels."""
BAR = "|"
"""Between the labels of a sample: `dog|indoors`; `[]` stands for none of them."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """The task, the names of its classes, the labels of the rows that have a usable one, and what is wrong with others."""

    task: str
    classes: tuple[str, ...]
    labels: dict[int, Any]
    """Line -> a class number, a row of 0 and 1, or numbers."""
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    """In words, how they were read where that is not plain."""

    def array(self, rows: Sequence[Row]) -> Labels:
        """Return the labels of these rows, (N,) or (N, K)."""
        kind = np.float32 if self.task == "regression" else np.int64
        found = np.array([self.labels[row.line] for row in rows], dtype=kind)
        return found[:, 0] if self.task == "regression" and found.shape[1:] == (1,) else found


def decide(rows: Sequence[Row], task: str | None) -> Labelled:
    """Read every label; `task` overrides what their form says."""
    values = {row.line: _value(row.cells["label"]) for row in rows}
    lost = _lost(values)
    kept = {line: value for line, value in values.items() if line not in lost}
    given = [v for v in kept.values() if v is not None]
    chosen = task or _task(given)
    found = READERS[chosen](kept)
    problems = [_bad(line, "must be a label", value) for line, value in lost.items()]
    notes = () if task else tuple(_said(given, chosen))
    return replace(found, problems=(*found.problems, *problems), notes=notes)


def _lost(values: dict[int, Any]) -> dict[int, Any]:
    """The labels that stand for none, as `nan` among numbers does."""
    found = {line: v for line, v in values.items() if isinstance(v, str) and v.casefold() in MISSING}
    rest = [v for line, v in values.items() if v is not None and line not in found]
    return found if rest and all(number(v) is not None for v in rest) else {}


def _said(given: Sequence[Any], task: str) -> Iterator[str]:
    """What could have been read in another way: whole numbers that are written as `1.0`."""
    commas = [v for v in given if isinstance(v, str) and COMMA.fullmatch(v)]
    if task == "classification" and commas and all(number(v) is not None for v in given if v not in set(commas)):
        yield (f"labels such as {shown(commas[0])} are read as classes; where they are amounts with a decimal comma, set "
               "`dataset.task: regression`")  # fmt: skip
    if not given or not all(_is_amount(v) for v in given) or all(_is_whole(v) for v in given):
        return
    first, several = shown(next(v for v in given if not _is_whole(v))), len({number(v) for v in given})
    if task == "classification":
        yield f"labels such as {first} are read as {several} classes; where they are amounts, set `dataset.task: regression`"
    elif task == "regression":
        yield (f"labels such as {first} are read as amounts, since {several} of them differ; where they are classes, set "
               "`dataset.task: classification`")  # fmt: skip


def _value(cell: Any) -> Any:
    """A list that a CSV cell holds as JSON, or the cell as it is."""
    if isinstance(cell, str) and cell.startswith("["):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    return cell


def _task(values: Sequence[Any]) -> str:
    lists = [v for v in values if isinstance(v, list)]
    if lists:
        numbers = [x for v in lists for x in v]
        whole = all(number(x) is not None and not isinstance(x, str) for x in numbers)
        return "regression" if numbers and whole and not set(numbers) <= {0, 1} else "multilabel"
    if any(isinstance(v, str) and BAR in v for v in values):
        return "multilabel"
    if values and all(number(v) is not None for v in values):
        return "classification" if all(_is_whole(v) for v in values) or _are_few(values) else "regression"
    return "classification"


def _are_few(values: Sequence[Any]) -> bool:
    """Whether whole numbers that are written as `1.0` are classes: few differ, and some come again."""
    several = {number(v) for v in values}
    return all(_is_amount(v) for v in values) and len(several) <= FEW and (len(several) < len(values) or len(values) < 3)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and len(value) < 100 and value.lstrip("+-").isdecimal())


def _is_amount(value: Any) -> bool:
    """Whether it is a whole number, however it is written: `2`, `2.0`."""
    found = number(value)
    return found is not None and found.is_integer()


def _classes(values: dict[int, Any]) -> Labelled:
    amounts = all(_is_amount(v) for v in values.values() if v is not None and not isinstance(v, bool))
    named = {line: _name(number(v) if amounts and isinstance(v, str) and not _is_whole(v) else v) for line, v in values.items()}
    problems = [_bad(ln, "must be a class, as text or a whole number", values[ln]) for ln, n in named.items() if n is None]
    classes = _ordered({n for n in named.values() if n is not None})
    if len(classes) == len(named) - len(problems) > 2:
        raise InputError("`label`: classes must have several samples each, found another class in every row; where labels are "
                         "numbers to be foretold, set `dataset.task: regression`")  # fmt: skip
    index = {name: i for i, name in enumerate(classes)}
    return Labelled("classification", classes, {ln: index[n] for ln, n in named.items() if n is not None}, tuple(problems))


def _name(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else None
    return str(value) if isinstance(value, int | str) else None


def _ordered(names: set[str]) -> tuple[str, ...]:
    """By number where all are whole numbers, else by letter."""
    return tuple(sorted(names, key=int) if all(map(_is_whole, names)) else sorted(names))


def _sets(values: dict[int, Any]) -> Labelled:
    lists = [v for v in values.values() if isinstance(v, list)]
    marks = bool(lists) and all(set(map(str, v)) <= {"0", "1"} for v in lists) and any(lists)
    return _marked(values) if marks else _named(values)


def _marked(values: dict[int, Any]) -> Labelled:
    """Lists of 0 and 1, one for each label."""
    width = len(next(v for v in values.values() if isinstance(v, list) and v))
    good = {ln: [int(x) for x in v] for ln, v in values.items() if isinstance(v, list) and len(v) == width}
    problems = [_bad(ln, f"must be a list of {width} numbers 0 and 1", v) for ln, v in values.items() if ln not in good]
    return Labelled("multilabel", tuple(f"label {i}" for i in range(width)), good, tuple(problems))


def _named(values: dict[int, Any]) -> Labelled:
    """Lists of names, or names between bars."""
    sets = {ln: _names(v) for ln, v in values.items()}
    problems = [_bad(ln, f"must be labels, as a list or between {BAR!r}", values[ln]) for ln, s in sets.items() if s is None]
    classes = _ordered({name for s in sets.values() for name in s or ()})
    if len(classes) > MOST:
        raise InputError(f"`label`: there must be at most {MOST} labels, found {len(classes)}, such as {shown(classes[0])}")
    rows = {ln: [int(c in s) for c in classes] for ln, s in sets.items() if s is not None}
    return Labelled("multilabel", classes, rows, tuple(problems))


def _names(value: Any) -> set[str] | None:
    parts = value.split(BAR) if isinstance(value, str) else value if isinstance(value, list) else [value]
    found = {_name(p.strip() if isinstance(p, str) else p) for p in parts}
    return None if found & {None, ""} else {n for n in found if n}


def _numbers(values: dict[int, Any]) -> Labelled:
    rows = {ln: [_amount(x) for x in (v if isinstance(v, list) else [v])] for ln, v in values.items()}
    counted = Counter(len(r) for r in rows.values())
    width = max((len(r) for r in rows.values() if None not in r), key=counted.__getitem__, default=1)
    good = {ln: r for ln, r in rows.items() if len(r) == width and None not in r}
    what = "must be a finite number" if width == 1 else f"must be {width} finite numbers"
    problems = [_bad(ln, what, v) for ln, v in values.items() if ln not in good]
    return Labelled("regression", tuple(f"output {i}" for i in range(width)) if width > 1 else (), good, tuple(problems))


def _amount(value: Any) -> float | None:
    """A number that 32 bits hold."""
    found = number(value)
    return found if found is not None and abs(found) <= LARGEST else None


def _bad(line: int, must: str, found: Any) -> Problem:
    return Problem(line, "label", f"{must}, found {'nothing' if found is None else shown(found)}")


READERS = {"classification": _classes, "multilabel": _sets, "regression": _numbers}
