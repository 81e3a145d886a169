"""The analysis as neutral blocks: sections write them once, `markdown` and `page` render them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that stand out."""

    text: str


@dataclass(frozen=True, slots=True)
class Mono:
    """A name of the run: a method, a tag, a file."""

    text: str


CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
Inline = str | Strong | Mono
Text = Inline | tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 2 (a section) or 3."""

    text: str
    level: Literal[2, 3] = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Words; `key` marks a section's finding, `warning` what the reader must know first, `note` how a number was made."""

    text: Text
    kind: Literal["plain", "key", "warning", "note"] = "plain"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; columns after the first `labels` hold numbers, which align right.

    In a page the reader can sort the rows of a `sortable` one; `sorted_by` is the column by which they fall as they are.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]
    labels: int = 1
    words: frozenset[str] = frozenset()
    sortable: bool = False
    sorted_by: int | None = None

    def numeric(self, column: int) -> bool:
        """Whether a column holds numbers."""
        return column >= self.labels and self.columns[column] not in self.words


@dataclass(frozen=True, slots=True)
class Code:
    """Fixed-width lines."""

    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Bullet points."""

    items: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A curve in the colour of its method, with a band from `low` to `high` where there is a spread."""

    slot: int
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Dots:
    """Points in the colour of their method; the large one is their mean."""

    slot: int
    xs: tuple[float, ...]
    ys: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...] = ()
    dots: tuple[Dots, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """Panels that share their y axis. `legend` names the methods by colour slot, `alt` says the figure in words."""

    key: str
    caption: str
    alt: str
    panels: tuple[Panel, ...]
    legend: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG file's content; the caption says it in words."""

    png: bytes
    caption: str

    @property
    def address(self) -> str:
        """Its content as an address within a page."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


Block = Heading | Paragraph | Table | Code | Listing | Figure | Picture


@dataclass(frozen=True, slots=True)
class Document:
    """A title, one line below it, and the blocks."""

    title: str
    subtitle: str
    blocks: tuple[Block, ...]


def inlines(text: Text) -> tuple[Inline, ...]:
    """A text as the tuple of its parts."""
    return text if isinstance(text, tuple) else (text,)


def one_line(text: str) -> str:
    """A name from outside as one line: line breaks, control characters and those that turn text round become spaces."""
    return CONTROL.sub(" ", text)


def listed(parts: Iterable[str]) -> str:
    """`a, b and c`."""
    words = list(parts)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def fixed_width(head: Sequence[str], rows: Sequence[Sequence[str]], mark: Callable[[int], str]) -> Code:
    """Columns padded to the widest cell, and the mark of each row behind it."""
    table = [[one_line(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    lines = ["   ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in table]
    marks = ["", *(mark(i) for i in range(len(rows)))]
    return Code("\n".join(f"{line}   {note}".rstrip() for line, note in zip(lines, marks, strict=True)))
