"""What the pages say to type and to write: every command line is one that asgml takes, every YAML block an experiment."""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path

import pytest
import yaml
from cyclopts import MissingArgumentError

from asgml.lab.cli import app
from asgml.lab.config.load import validate

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
YAML = [(page, block) for page in PAGES for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]


def commands(page: Path) -> tuple[list[str], list[str]]:
    """Command lines in blocks, and what a sentence calls by its name; of `a|b` the first."""
    outside, inside = [page.read_text().split("```")[first::2] for first in (0, 1)]
    lines = [re.sub(r"^\$ ", "", line) for block in inside for line in block.replace("\\\n", " ").splitlines()]
    named = [" ".join(line.split()) for text in outside for line in re.findall(r"`(asgml [^`]+)`", text)]
    return [line for line in lines if line.startswith("asgml ")], named


def tokens(line: str) -> list[str]:
    return shlex.split(re.sub(r"\|\w+", "", line).removeprefix("asgml "), comments=True)


LINES, NAMED = ([(page, line) for page in PAGES for line in commands(page)[n]] for n in (0, 1))


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{p.name} {line}" for p, line in LINES])
def test_every_command_line_is_one_that_asgml_takes(page: Path, line: str) -> None:
    app.app.parse_args(tokens(line), exit_on_error=False, print_error=False)


@pytest.mark.parametrize(("page", "line"), NAMED, ids=[f"{p.name} {line}" for p, line in NAMED])
def test_every_command_in_a_sentence_is_there_and_has_these_options(page: Path, line: str) -> None:
    with contextlib.suppress(MissingArgumentError):
        app.app.parse_args(tokens(line), exit_on_error=False, print_error=False)


@pytest.mark.parametrize(("page", "block"), YAML, ids=[f"{p.name} {n}" for n, (p, _) in enumerate(YAML)])
def test_every_yaml_block_is_an_experiment_or_a_part_of_one(page: Path, block: str) -> None:
    validate({"name": "page", "methods": {"baseline": []}} | yaml.safe_load(block))


def test_there_are_some() -> None:
    assert len(LINES) > 15
    assert len(NAMED) > 20
    assert len(YAML) > 4
