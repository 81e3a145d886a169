"""What is wrong with a row, told by line and column; nothing is left out without a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.lab.errors import InputError

FEW = 20


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong: `line` counts from 1, `column` is empty where the whole row is meant."""

    line: int
    column: str
    words: str

    def __str__(self) -> str:
        return f"line {self.line}, {f'column {self.column}' if self.column else 'the row'}: {self.words}"


def shown(value: Any) -> str:
    """A value as it was found, cut to a line."""
    return text if len(text := repr(value)) <= 60 else f"{text[:56]} ..."


def refuse(path: Path, problems: Sequence[Problem]) -> None:
    """Raise InputError with the first problems, line by line, and how many more there are."""
    if problems:
        first = "\n".join(f"{path.name}: {p}" for p in sorted(problems)[:FEW])
        more = f"\nand {len(problems) - FEW} more" * (len(problems) > FEW)
        lines = len({p.line for p in problems})
        raise InputError(f"`dataset.path`: {path} has {lines} rows that cannot be used; mend them, or leave them out with "
                         f"`dataset.bad_rows: leave_out`\n{first}{more}")  # fmt: skip
