"""What a user can do wrong, as one type, so that the command line answers with one line and exit code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """A setting, a file or a folder that the user gave cannot be used; the message says which, why, and what to do."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to ``name``, else what there is to choose from."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; choose from {', '.join(names)}"
