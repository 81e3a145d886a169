"""The tutorial, followed to the letter in an empty folder, but for one epoch, one seed and few samples."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asgml.lab import engines
from asgml.lab.cli import main
from lab.sweeping import Here

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
pytestmark = pytest.mark.timeout(600)  # six models are trained
FILES = dict(re.findall(r"^`([\w.]+)`\n\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE))
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) for line in block.splitlines()]
SHORT = ("--set", "train.epochs=1", "--set", "seeds=[0]", "--set", "datasets.digit.train_size=80", "--set",
         "datasets.sum.train_size=80", "--set", "datasets.clusters.size=300")  # fmt: skip


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What each command printed, and under "" where."""
    here = tmp_path_factory.mktemp("tutorial")
    for name, text in FILES.items():
        (here / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        patch.setattr(sys, "path", [str(here), *sys.path])
        patch.setattr(engines, "make", lambda *words: Here())
        yield {"": str(here)} | {line: follow(line.split()) for line in COMMANDS}
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def follow(words: list[str]) -> str:
    assert words[0] == "asgml"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main([*words[1:], *(SHORT if words[1] == "run" else ())]) == 0
    return printed.getvalue()


def test_its_files_and_commands_are_found() -> None:
    assert list(FILES) == ["my_method.py", "my_data.py", "my_encoder.py", "mine.yaml"]
    assert len(COMMANDS) == 6
    assert len(FILES["my_method.py"].splitlines()) <= 40


def test_the_method_obeys_every_law(said: dict[str, str]) -> None:
    (lines,) = (text.splitlines() for line, text in said.items() if line.startswith("asgml check"))
    assert len(lines) >= 4
    assert all(line.startswith("holds") for line in lines)


def test_it_ends_in_a_table_of_three_data_sets(said: dict[str, str]) -> None:
    here = Path(said[""])
    text = (here / "table.tex").read_text()
    assert re.findall(r"^(\w+) & (\w+) & 1 &", text, re.MULTILINE) == [
        (data, method) for data in ("digit", "sum", "clusters") for method in ("baseline", "mine")
    ]
    assert "mine against baseline" in text
    assert len((here / "table.csv").read_text().splitlines()) == 8
    assert "are not on the same data or split" in said["asgml compare outputs/mine/digit outputs/mine/sum"]
    assert "Factor" in (here / "outputs" / "mine" / "clusters" / "report.html").read_text()
