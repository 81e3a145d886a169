"""What lies in the place of a media file where a download went wrong: known by its first bytes, told with the way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

ENOUGH = 1024
"""Bytes of a file's beginning that tell what it is."""
AGAIN = "download the file again"


class StandIn(NamedTuple):
    """What it is in a few words, so that it can be counted, and what to do."""

    name: str
    way_out: str


def _is_html(text: str) -> bool:
    return bool(
        re.match(r"(<!--.*?-->\s*)?(<\?xml[^>]*>\s*)?<(!doctype\s+html|html|head|body|title|script|meta)\b", text, re.S)
    )


def _is_json(text: str) -> bool:
    return bool(re.match(r'(\{\s*("|\}|$)|\[\s*[\[{"\]])', text))


Test = Callable[[str], bool]
KINDS: tuple[tuple[Test, StandIn], ...] = (
    (lambda t: t.startswith("version https://git-lfs") or t.startswith("version https://hawser"),
     StandIn("Git LFS pointer", "run `git lfs pull` in the repository that it came from")),
    (lambda t: bool(re.match(r"(\.\./|\./|/)*(\.git/)?annex/objects/", t)),
     StandIn("git-annex pointer", "run `git annex get` in the repository that it came from")),
    (lambda t: t.startswith("outs:\n- md5:") or t.startswith("outs:\n- hash:"), StandIn("DVC pointer", "run `dvc pull`")),
    (_is_html, StandIn("web page", f"a server answered with a page (HTML) in place of the file: {AGAIN}")),
    (lambda t: t.startswith("<svg") or (t.startswith("<?xml") and "<svg" in t),
     StandIn("drawing", "it is an SVG drawing, which has no pixels: save it as PNG")),
    (lambda t: bool(re.match(r"<\?xml\b|<[a-z][\w:.-]*(\s[^<>]*)?/?>", t)),
     StandIn("XML text", f"a server answered with XML in place of the file: {AGAIN}")),
    (_is_json, StandIn("JSON text", f"a server answered with JSON in place of the file: {AGAIN}")),
)  # fmt: skip
"""In this order: the first that holds."""
BLANK = StandIn("nothing but zero bytes", f"the download was not finished: {AGAIN}")
EMPTY = StandIn("nothing but white space", AGAIN)


def stand_in(head: bytes) -> StandIn | None:
    """Return what a file is that begins with these bytes, where it is none of its kind's own; None for anything else."""
    start = head[:ENOUGH]
    if len(start) >= 16 and not start.strip(b"\0"):
        return BLANK
    text = _text(start)
    if text is None:
        return None
    plain = text.lstrip("\ufeff \t\r\n").lower()
    if not plain:
        return EMPTY
    return next((found for test, found in KINDS if test(plain)), None)


def _text(start: bytes) -> str | None:
    """The bytes as text; None where they are none: media have zero bytes or others that no text has."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return start[: len(start) // 2 * 2].decode("utf-16", "replace")
    return None if b"\0" in start else start.decode("utf-8", "replace")


def beginning(head: bytes) -> str:
    """Return, to be put behind an error, the first line of a file that holds text, "" for any other."""
    text = _text(head[:ENOUGH])
    line = (text or "").lstrip("\ufeff \t\r\n").partition("\n")[0].strip()
    if not line or "\ufffd" in line or not line.isprintable():
        return ""
    return f"; it holds text: {line[:60]!r}"
