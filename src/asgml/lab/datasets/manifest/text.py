"""The characters of a text file: UTF-8, or UTF-16 with its mark, as Excel saves it; the rest is refused, with its cause."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from asgml.lab.errors import InputError

MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
         codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
"""First bytes of a file -> its encoding. UTF-32 stands before UTF-16, whose mark it begins with."""
SUSPICIOUS = (b"version https://", b"<", b"{", b"[", b"\0" * 16, b".", b"/", b"outs:")
"""How what lies in the place of a manifest may begin: a table with a column id seldom does."""
LATER = "save it as UTF-8 (in Excel: 'CSV UTF-8')"


def read(path: Path) -> tuple[str, list[str]]:
    """Return what a file holds, and in words how it was read where that was not plain UTF-8. InputError where it is no text."""
    if path.exists() and not path.is_file():
        raise InputError(f"`dataset.path`: must be a file, found a folder, a pipe or a device at {path}")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"`dataset.path`: there is no file {path}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"`dataset.path`: {path} cannot be read ({error})") from error
    refuse_stand_in(path, content)
    if content.startswith(b"PK\x03\x04"):
        raise InputError(f"`dataset.path`: {path} cannot be read as UTF-8 text: it is a workbook; give it the ending .xlsx")
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), None)
    if encoding in (None, "utf-8"):
        return _utf8(path, content), []
    try:
        text = content.decode(encoding or "")
    except UnicodeDecodeError as error:
        raise InputError(f"`dataset.path`: {path} has the mark of {encoding.upper()} and is none ({error}); {LATER}") from error
    if not text.strip():
        raise InputError(f"`dataset.path`: {path} holds the mark of {encoding.upper()} and nothing more; {LATER}")
    return text.removeprefix("\ufeff"), [f"read as {encoding.upper()}"]


def refuse_stand_in(path: Path, head: bytes) -> None:
    """Raise InputError where something lies in a manifest's place, such as a Git LFS pointer: by its content."""
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    own = path.suffix.lower() == ".jsonl" and begin[:1] in (b"{", b"[")  # JSON in its own place
    if own or not begin.startswith(SUSPICIOUS):
        return
    from asgml.lab.media.stand_ins import EMPTY, stand_in  # what decodes media takes a while to import

    found = stand_in(head)
    if found and found is not EMPTY:
        raise InputError(f"`dataset.path`: {path} is not the file itself: {found.name}; {found.way_out}")


def _utf8(path: Path, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"line {line} holds the byte 0x{content[error.start]:02x}"
        cause = "as in Windows-1252 or another old code"
        raise InputError(f"`dataset.path`: {path} cannot be read as UTF-8 text: {found}, {cause}; {LATER}") from error
    if "\0" in text[:1000] and re.match(r"(?:.\0){3}|(?:\0.){3}", text):
        raise InputError(f"`dataset.path`: {path} cannot be read as UTF-8 text: it looks like UTF-16 without a mark; {LATER}")
    return text
