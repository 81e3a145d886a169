"""Runs the tests that stand beside changed files: `python tests/changed.py src/asgml/policies/_gap.py` runs tests/policies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
SOURCE = PurePosixPath("src/asgml")


def tests_of(files: Iterable[str]) -> list[str]:
    """Return the test files of changed files: a test itself, or `test_*.py` in the folder that mirrors a source file's."""
    found: set[str] = set()
    for name in map(PurePosixPath, files):
        if name.name.startswith("test_"):
            found.add(str(name))
        elif SOURCE in name.parents:
            mirror = ROOT / "tests" / name.relative_to(SOURCE).parent
            same = sorted(mirror.glob(f"test_{name.stem.strip('_')}*.py"))
            every = same or sorted(mirror.glob("test_*.py"))
            found |= {path.relative_to(ROOT).as_posix() for path in every}
    return sorted(found)


if __name__ == "__main__":
    chosen = tests_of(sys.argv[1:])
    sys.exit(subprocess.run([sys.executable, "-m", "pytest", "-q", *chosen], cwd=ROOT, check=False).returncode if chosen else 0)
