"""Renders a document as one self-contained HTML file: no request, light and dark, one script of ours that sorts tables."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from asgml.lab.report import csvs, figures
from asgml.lab.report import document as d


def render(document: d.Document) -> str:
    """The page; everything that is not ours is escaped by the template engine."""
    environment = Environment(loader=FunctionLoader(_resource), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)  # fmt: skip
    environment.tests["of"] = lambda value, kind: type(value).__name__ == kind
    environment.filters |= {"inlines": d.inlines, "typeset": typeset, "slug": slug, "draw": _draw, "dashes": _dashes,
                            "data": _data}  # fmt: skip
    contents = [b for b in document.blocks if isinstance(b, d.Heading) and b.level == 2]
    script = _resource("page.js") if any(isinstance(b, d.Table) and b.sortable for b in document.blocks) else ""
    page = environment.get_template("page.html").render(
        document=document, contents=contents, css=Markup(_resource("page.css")), slots=figures.SLOTS,
        script=Markup(script), digest=_digest(script),
    )  # fmt: skip
    return "\n".join(map(d.one_line, page.split("\n")))


def _digest(script: str) -> str:
    """What lets this script run in the page, and no other."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _data(figure: d.Figure) -> str:
    """The figure's numbers as an address that holds the file itself."""
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(csvs.of(figure).encode()).decode()}"


def typeset(text: str) -> str:
    """A hyphen before a digit is a minus sign; numbers and their units do not part at a line's end."""
    minus = re.sub(r"(?<![\w.\-/])-(?=\d)|(?<=\w )-(?= \w)", "−", d.one_line(text))
    return re.sub(r"(?<=\d) (?=points\b|± )|(?<=±) (?=\d)", "\u00a0", minus)


def slug(text: str) -> str:
    """A heading as the name of a place in the page."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _draw(figure: d.Figure) -> Markup:
    return Markup(figures.draw(figure))  # made by matplotlib, names drawn as paths


def _dashes(slot: int) -> str:
    return " ".join(f"{x:g}" for x in figures.dashes(slot))


def _resource(name: str) -> Any:
    return resources.files("asgml.lab.report").joinpath(name).read_text(encoding="utf-8")
