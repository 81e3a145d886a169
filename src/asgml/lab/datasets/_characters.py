"""Text as character ids."""

from __future__ import annotations

import unicodedata

import numpy as np
import numpy.typing as npt

UNKNOWN = 127


def ids(text: str, length: int) -> npt.NDArray[np.int64]:
    """Return (L,): the codes of ASCII, accents taken off first, 127 for any other character, 0 for padding; longer is cut."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    found = [ord(c) if 0 < ord(c) < UNKNOWN else UNKNOWN for c in plain[:length]]
    return np.array(found + [0] * (length - len(found)), dtype=np.int64)
