from __future__ import annotations

from dataclasses import replace

from asgml.lab.report import sections
from asgml.lab.report.document import Figure, Paragraph, Table, inlines
from asgml.lab.report.model import Series, Study
from asgml.lab.report.sections import attention, dealings, environment, leaderboard
from lab.report import logs

PROBES = {"audio": [0.5, 0.6], "visual": [0.3, 0.4]}


def study() -> Study:
    methods = {"baseline": {0: PROBES}, "best": {0: PROBES}, "worst": {0: PROBES}}
    return logs.study(methods, {"baseline": {0: [0.5, 0.6]}, "best": {0: [0.5, 0.7]}, "worst": {0: [0.5, 0.5]}})


def with_tags(found: Study, name: str, **tags: Series) -> Study:
    changed = {tag.replace("__", "/"): s for tag, s in tags.items()}
    return replace(found, methods=tuple(
        replace(m, runs=tuple(replace(r, series={**r.series, **changed}) for r in m.runs)) if m.name == name else m
        for m in found.methods
    ))  # fmt: skip


def first_column(table: Table) -> list[str]:
    return ["".join(p if isinstance(p, str) else p.text for p in inlines(row[0])) for row in table.rows]


def test_the_best_method_stands_first_and_the_reader_may_sort() -> None:
    table = next(b for b in leaderboard.blocks(study()) if isinstance(b, Table))
    assert first_column(table) == ["best", "baseline", "worst"]
    assert table.sortable
    assert table.columns[table.sorted_by or 0] == "Test accuracy"
    assert table.rows[0][2:] == ("70.00%", "20.00 points", "35.00% (visual)")


def test_without_a_score_there_is_no_leaderboard() -> None:
    assert leaderboard.blocks(logs.study({"baseline": {0: PROBES}})) == []


def test_what_nobody_got_is_not_drawn() -> None:
    assert [b for b in dealings.blocks(study()) if isinstance(b, Figure)] == []
    same = with_tags(study(), "best", train__applied_scale_audio=Series((0, 1), (1.0, 1.0)))
    assert [b for b in dealings.blocks(same) if isinstance(b, Figure)] == []


def test_what_a_method_did_is_drawn_for_it_alone() -> None:
    found = with_tags(study(), "best", train__skipped_share_audio=Series((1, 2), (0.5, 0.25)),
                      train__applied_scale_visual=Series((0, 1, 2, 3), (1.0, 0.5, 0.5, 0.25)),
                      train__applied_delay_audio=Series((1, 3), (2.0, 2.0)))  # fmt: skip
    figures = {b.key: b for b in dealings.blocks(found) if isinstance(b, Figure)}
    assert list(figures) == ["done-skipped", "done-scale", "done-delay"]
    assert [panel.title for f in figures.values() for panel in f.panels] == ["Audio", "Visual", "Audio"]
    assert figures["done-skipped"].panels[0].lines[0].ys == (50.0, 25.0)
    assert figures["done-scale"].panels[0].lines[0].ys == (1.0, 0.5, 0.5, 0.25)
    assert all([name for _, name in f.legend] == ["best"] for f in figures.values())
    assert "best 37.50% audio" in figures["done-skipped"].alt


def test_both_stand_in_the_analysis() -> None:
    titles = [b.text for b in sections.compose(study()).blocks if type(b).__name__ == "Heading"]
    assert (
        titles.index(leaderboard.TITLE) < titles.index("Overview") < titles.index(dealings.TITLE) < titles.index("Performance")
    )


def test_versions_are_shown_and_a_mixture_is_warned_of() -> None:
    def versions(*torch: str) -> Study:
        found = study()
        return replace(found, methods=tuple(
            replace(m, runs=tuple(replace(r, header={"versions": {"torch": v, "python": "3.11"}}) for r in m.runs))
            for m, v in zip(found.methods, torch, strict=True)
        ))  # fmt: skip

    (_, table) = environment.blocks(versions("2.6", "2.13", "2.6"))
    assert isinstance(table, Table)
    assert [row[1] for row in table.rows] == ["2.6 and 2.13", "3.11"]
    said = [b.text for b in attention.blocks(versions("2.6", "2.13", "2.6")) if isinstance(b, Paragraph)]
    assert said == ["Cells ran with different versions (torch 2.6 and 2.13)."]
    assert attention.blocks(versions("2.6", "2.6", "2.6")) == []
