"""Test accuracy against training cost, a picture for each data set of phase 2: `python studies/cost_figure.py`.

Drawn from docs/results/phase2.csv into docs/images/cost_<data set>.png.
"""

from pathlib import Path

import matplotlib
import rows as kept
from matplotlib.figure import Figure
from results import BASELINE, FILE, Front, front, levels

IMAGES = Path("docs/images")
NAMED = ("auto", BASELINE)
"""Those that have their name beside them wherever they stand."""


def draw(name: str, points: dict[str, tuple[float, float]], ahead: Front) -> None:
    """Write one picture; `points` is method -> cost and accuracy, in percent."""
    with matplotlib.rc_context({"font.size": 8, "font.family": "DejaVu Sans", "savefig.dpi": 150}):
        figure = Figure(figsize=(7.5, 4.8), layout="constrained")
        axes = figure.subplots()
        axes.scatter(*zip(*points.values(), strict=True), s=14, color="#8a8780")
        axes.step(*zip(*(points[m] for m in ahead), strict=True), where="post", color="#0072b2", linewidth=1)
        for method in dict.fromkeys([*ahead, *NAMED]):
            best, left = method in ahead, points[method][0] < 40
            axes.plot(*points[method], "o", markersize=5, color="#0072b2" if best else "#c8500a")
            beside = {"ha": "right", "xytext": (-3, 4)} if best and not left else {"xytext": (4, 4 if left else -10)}
            axes.annotate(method, points[method], textcoords="offset points", **beside)
        axes.set_xlabel("training cost, % of plain training's operations")
        axes.set_ylabel("test accuracy, %, mean over seeds")
        axes.spines[["top", "right"]].set_visible(False)
        IMAGES.mkdir(parents=True, exist_ok=True)
        figure.savefig(IMAGES / f"cost_{name}.png", metadata={"Software": None})


def main() -> None:
    """Draw all."""
    rows = kept.read(FILE)
    for name in dict.fromkeys(row["dataset"] for row in rows):
        points = levels(rows, name)
        draw(name, points, front(points))


if __name__ == "__main__":
    main()
