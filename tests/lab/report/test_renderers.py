from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from asgml.lab import report
from asgml.lab.report import document as d
from asgml.lab.report import figures, markdown, page, words
from asgml.lab.statistics import Interval, estimate
from lab.report import logs

HOSTILE = "<script>alert(1)</script>|`*_$x$\n# [a](b) &amp;"


def document(*blocks: d.Block) -> d.Document:
    return d.Document("T", "S", blocks)


LINES = (d.Line(0, (1.0, 2.0), (3.0, 4.0)),)
EVERY = document(
    d.Heading(HOSTILE), d.Heading(HOSTILE, 3), d.Paragraph((HOSTILE, d.Strong(HOSTILE), d.Mono(HOSTILE)), "key"),
    d.Table((HOSTILE, "b"), (((d.Mono(HOSTILE)), HOSTILE),)), d.Code(HOSTILE), d.Listing((HOSTILE,)),
    d.Figure("f", HOSTILE, HOSTILE, (d.Panel(HOSTILE, HOSTILE, HOSTILE, LINES),), ((0, HOSTILE),)),
)  # fmt: skip


class Tags(HTMLParser):
    """Collects elements, ids and attributes, and refuses unbalanced markup."""

    VOID = frozenset({"meta", "link", "br", "line", "path", "use", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_nothing_hostile_becomes_an_element() -> None:
    found = Tags(page.render(document(*EVERY.blocks)))
    assert "script" not in found.tags
    assert found.open == []
    assert page.render(EVERY).count("&lt;script&gt;") >= 9


def test_nothing_hostile_becomes_markup_in_markdown() -> None:
    unescaped = re.sub(r"\\.", "", markdown.render(EVERY))
    text = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", unescaped, flags=re.DOTALL)
    assert re.search(r"[<\[`_]", text) is None
    assert len([line for line in text.splitlines() if line.startswith("#")]) == 3


def test_a_cell_cannot_break_its_table() -> None:
    (found,) = logs.tables(markdown.render(document(d.Table(("a|b", "c"), (("x", "1\n2"),)))).replace("\\|", "/"))
    assert found == [["a/b", "c"], ["x", "1 2"]]


def test_hostile_names_reach_every_file_as_text(tmp_path: Path) -> None:
    probes = {"<b>au</b>": [0.5, 0.6], "vis|ual": [0.3, 0.4]}
    curves = {f"test/probe_acc_{m}": c for m, c in probes.items()} | {"test/accuracy": [0.5, 0.6]}
    logs.write_events(tmp_path / "e", curves)
    report.write_tensorboard({"<script>x()</script>": tmp_path / "e", "baseline": tmp_path / "e"}, to=tmp_path / "<i>out")
    found = Tags((tmp_path / "<i>out" / "report.html").read_text())
    assert {"b", "i", "img"} & set(found.tags) == set()
    assert found.tags.count("script") == 1, "the page's own"
    assert "<script>" not in re.sub(r"`[^`]*`|\\<", "", (tmp_path / "<i>out" / "analysis.md").read_text().split("```")[0])


def test_the_two_renderings_hold_the_same_numbers(tmp_path: Path) -> None:
    report.write(logs.phase1(tmp_path / "r", epochs=4))
    plain = re.sub(r"<(style|svg).*?</\1>|<[^>]*>", " ", (tmp_path / "r" / "report.html").read_text(), flags=re.DOTALL)
    numbers = re.findall(r"\d+\.\d\d%", (tmp_path / "r" / "analysis.md").read_text())
    assert len(numbers) > 100
    shown = re.findall(r"\d+\.\d\d%", plain)
    assert [n for n in set(numbers) if numbers.count(n) > shown.count(n)] == []


def test_the_page_refers_to_nothing_outside_itself(tmp_path: Path) -> None:
    report.write(logs.phase1(tmp_path / "r", epochs=4))
    text = (tmp_path / "r" / "report.html").read_text()
    assert re.search(r"https?:|//[a-z]|@import|file:", text) is None
    links = [v for k, v in Tags(text).attributes if k in ("href", "src", "xlink:href", "action", "data") and v is not None]
    assert links
    assert all(v.startswith(("#", "data:text/csv;")) or v == "data:," for v in links)
    assert "default-src 'none'" in text


def test_ids_are_unique_and_every_reference_has_its_target(tmp_path: Path) -> None:
    report.write(logs.phase1(tmp_path / "r", epochs=4))
    text = (tmp_path / "r" / "report.html").read_text()
    ids = [v for k, v in Tags(text).attributes if k == "id"]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', text)) <= set(ids)


def test_every_figure_says_in_words_what_it_shows(tmp_path: Path) -> None:
    report.write(logs.phase1(tmp_path / "r", epochs=4))
    text = (tmp_path / "r" / "report.html").read_text()
    labels = re.findall(r'<figure role="group" aria-label="([^"]+)"', text)
    assert len(labels) == text.count("<figcaption>") == text.count("<figure") == 5
    assert all(re.search(r"(baseline|frequency_k2) \d+\.\d\d", label) for label in labels)


def test_every_figure_gives_its_numbers_as_a_file(tmp_path: Path) -> None:
    report.write(logs.phase1(tmp_path / "r", epochs=4))
    text = (tmp_path / "r" / "report.html").read_text()
    files = re.findall(r'download="([\w-]+)\.csv" href="data:text/csv;charset=utf-8;base64,([^"]+)"', text)
    assert len(files) == text.count("<figure") == len({name for name, _ in files})
    heads = {base64.b64decode(data).decode().splitlines()[0] for _, data in files}
    assert heads == {"panel,series,x,y,low,high,x_unit,y_unit"}


def test_the_one_script_is_the_one_that_the_page_admits() -> None:
    plain, sortable = (d.Table(("a", "b"), (("x", "1"),), sortable=s, sorted_by=1) for s in (False, True))
    assert "script" not in Tags(page.render(document(plain))).tags
    text = page.render(document(sortable))
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert re.findall(r'<th [^>]*aria-sort="(\w+)"', text) == ["none", "descending"]


def test_a_drawing_takes_its_colours_from_the_page() -> None:
    lines = tuple(d.Line(slot, (1.0, 2.0), (1.0, 2.0), (0.5, 1.5), (1.5, 2.5)) for slot in range(figures.SLOTS))
    svg = figures.draw(d.Figure("k", "c", "a", (d.Panel("t", "x", "y", lines),), ()))
    assert {f"var(--s{slot})" for slot in range(figures.SLOTS)} <= set(re.findall(r"var\(--\w+\)", svg))
    assert "var(--ink)" in svg
    assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) == set()


def test_a_ninth_method_differs_by_its_dashes() -> None:
    assert figures.colour(8) == figures.colour(0)
    assert figures.dashes(8) != figures.dashes(0)


def test_a_name_with_a_dollar_is_no_formula() -> None:
    panel = d.Panel("$\\frac{", "日本", "_y", (d.Line(0, (1.0,), (1.0,)),))
    assert figures.draw(d.Figure("k", "c", "a", (panel,), ())).startswith("<svg")


@pytest.mark.parametrize(
    ("before", "after"),
    [("-3.41 points", "−3.41\u00a0points"), ("k-2", "k-2"), ("(n-1)", "(n-1)"), ("audio - visual", "audio − visual"),
     ("2026-02-02", "2026-02-02"), ("-1.00 to -0.50", "−1.00 to −0.50"), ("1 ± 2", "1\u00a0±\u00a02")],
)  # fmt: skip
def test_typesetting(before: str, after: str) -> None:
    assert page.typeset(before) == after


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (words.percent(0.42654), "42.65%"),
        (words.percent(None), "–"),
        (words.points(0.0964), "9.64 points"),
        (words.signed_points(-0.0341), "-3.41 points"),
        (words.signed_points(-0.000001), "0.00 points"),
        (words.relative(-0.2613), "-26.1%"),
        (words.number(145989.4), "145,989"),
        (words.number(468.31), "468.3"),
        (words.number(0.415), "0.4150"),
        (words.number(0.0), "0"),
        (words.number(0.00001234), "1.23e-05"),
        (words.number_spread(estimate([1000.0, 1010.0]), 2), "1,005 ± 7"),
        (words.percent_spread(estimate([0.5]), 1), "50.00%"),
        (words.percent_spread(estimate([0.5]), 3), "50.00% (n=1)"),
        (words.points_spread(estimate([0.1, 0.12]), 2), "11.00 ± 1.41 points"),
        (words.interval(None, 1), "none (one seed)"),
        (words.interval(Interval(-0.02, 0.01), 3), "-2.00 to +1.00 points"),
        (words.certainty(None, 0), "no seed in common: no interval"),
        (words.certainty(Interval(0.01, 0.02), 3), "95% interval over 3 seeds +1.00 to +2.00 points, excludes 0"),
        (
            words.certainty(Interval(-0.01, 0.02), 3),
            "95% interval over 3 seeds -1.00 to +2.00 points, includes 0: not resolved",
        ),
    ],
)
def test_numbers_in_words(found: str, expected: str) -> None:
    assert found == expected


@pytest.mark.parametrize(
    ("parts", "expected"), [([], "none"), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_listed(parts: list[str], expected: str) -> None:
    assert d.listed(parts) == expected
