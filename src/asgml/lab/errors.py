"""What a user can do wrong, as one type, so that the command line answers with one line and exit code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class InputError(Exception):
    """A setting, a file or a folder that the user gave cannot be used; the message says which, why, and what to do."""


def short(value: Any, most: int = 80, *, quoted: bool = True) -> str:
    """Write a value for a message, cut to `most` characters; `quoted`: as Python writes it, else as text."""
    try:
        text = repr(value) if quoted else str(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        text = f"a number of {value.bit_length()} bits" if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to ``name``, else what there is to choose from."""
    names = sorted(known)
    near = difflib.get_close_matches(name[:100], names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; choose from {', '.join(names)}"
