from __future__ import annotations

import csv
import io

import pytest

from asgml.lab.report import csvs, thinned
from asgml.lab.report import document as d
from asgml.lab.report.model import Method, Run, Series
from asgml.lab.report.thinned import MOST


def method(*runs: Series) -> Method:
    return Method("m", tuple(Run(seed, "s", {"x": series}, ()) for seed, series in enumerate(runs)))


def line(updates: int, *runs: Series) -> d.Line:
    found = thinned.curve(1, method(*runs), lambda run: run.get("x"), updates)
    assert found is not None
    return found


def test_a_long_curve_is_means_of_equal_blocks() -> None:
    n = 10 * MOST
    found = line(n, Series(tuple(range(n)), tuple(float(i) for i in range(n))))
    assert found.xs == tuple(10 * b + 4.5 for b in range(MOST))
    assert found.ys == pytest.approx(found.xs)
    assert found.low == ()


@pytest.mark.parametrize(("updates", "points"), [(1, 1), (MOST, MOST), (MOST + 1, 101), (50_000, MOST)])
def test_no_curve_has_more_points_than_is_stated(updates: int, points: int) -> None:
    assert len(line(updates, Series(tuple(range(updates)), (1.0,) * updates)).xs) == points
    assert str(MOST) in thinned.RULE


def test_a_block_without_a_value_is_left_out() -> None:
    assert line(4 * MOST, Series((0, 1, 8, 11), (1.0, 3.0, 5.0, 7.0))).ys == (2.0, 6.0)


def test_seeds_give_a_mean_and_a_band() -> None:
    found = line(2, Series((0, 1), (1.0, 2.0)), Series((0, 1), (3.0, 2.0)))
    assert (found.ys, found.low[1], found.high[1]) == ((2.0, 2.0), 2.0, 2.0)
    assert found.high[0] - found.low[0] == pytest.approx(2 * 2**0.5)


def test_a_figures_numbers_are_a_table() -> None:
    name = 'a,"b"\n=x'
    panel = d.Panel("P", "Epoch", "y (%)", (d.Line(1, (1.0,), (1 / 3,), (0.0,), (1.0,)),), (d.Dots(1, (2.0,), (3.0,)),))
    rows = list(csv.reader(io.StringIO(csvs.of(d.Figure("k", "c", "a", (panel,), ((1, name),))))))
    assert rows == [
        ["panel", "series", "x", "y", "low", "high", "x_unit", "y_unit"],
        ["P", name, "1.0", "0.333333", "0.0", "1.0", "Epoch", "y (%)"],
        ["P", name, "2.0", "3.0", "", "", "Epoch", "y (%)"],
    ]
