"""A nursery of fake cells. Run as `fake_nursery.py EVENTS LIFELINE`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from asgml.lab.nursery import serve

EVENTS, LIFELINE = sys.argv[1:]


def run(folder: Path) -> None:
    sys.argv = ["fake_cell.py", str(folder), EVENTS]
    runpy.run_path(str(Path(__file__).with_name("fake_cell.py")), run_name="__main__")


serve(run, int(LIFELINE))
