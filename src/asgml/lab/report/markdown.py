"""Renders a document as GitHub-flavoured Markdown; what comes from outside is escaped."""

from __future__ import annotations

import re

from asgml.lab.report import document as d

_WORD = re.compile(r"(?<=\w)_(?=\w)")


def render(document: d.Document) -> str:
    """The whole document as text that ends with a newline."""
    parts = [f"# {escape(document.title)}", escape(document.subtitle), *(_block(b) for b in document.blocks)]
    text = "\n\n".join(part for part in parts if part) + "\n"
    return "\n".join(map(d.one_line, text.split("\n")))


def _block(block: d.Block) -> str:
    match block:
        case d.Heading(text, level):
            return f"{'#' * level} {escape(text)}"
        case d.Paragraph(text, kind):
            return _paragraph(_text(text), kind)
        case d.Table():
            return table(block)
        case d.Code(text):
            fence = _fence(text, 3)
            return f"{fence}\n{text}\n{fence}"
        case d.Listing(items):
            return "\n".join(f"- {_text(item)}" for item in items)
        case d.Figure():
            return f"*Figure (drawn in report.html): {escape(block.caption)}*"
        case d.Picture(_, caption):
            return f"*Picture: {escape(caption)}*"


def _paragraph(text: str, kind: str) -> str:
    lead = {"key": "> **Key finding.** ", "warning": "> **Attention.** ", "note": ""}.get(kind, "")
    return f"{lead}{text}"


def table(table: d.Table) -> str:
    """A pipe table."""
    rule = ["---:" if table.numeric(i) else "---" for i in range(len(table.columns))]
    rows = [[escape(c) for c in table.columns], rule, *([_text(cell) for cell in row] for row in table.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _text(text: d.Text) -> str:
    return "".join(_inline(part) for part in d.inlines(text))


def _inline(part: d.Inline) -> str:
    match part:
        case d.Strong(text):
            return f"**{escape(text)}**"
        case d.Mono(text):
            return _mono(d.one_line(text))
        case str():
            return escape(part)


def _mono(text: str) -> str:
    fence = _fence(text, 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text.replace('|', chr(92) + '|')}{pad}{fence}"


def _fence(text: str, least: int) -> str:
    """Backticks, one more than the longest run of them in the text."""
    return "`" * max(least, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def escape(text: str) -> str:
    """Escape what Markdown or HTML would read as markup; an underscore inside a word is none."""
    kept = _WORD.sub("\0", d.one_line(text))
    return re.sub(r"([\\`*_\[\]<|])", r"\\\1", kept).replace("&", "&amp;").replace("\0", "_")
