"""A typing error is told before anything slow is imported: numbers, plots and models are for what can be done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from asgml.lab.cli import main

TOLD = """
import sys
from asgml.lab.cli import main
for line in sys.stdin.read().splitlines():
    code = main(line.split())
    print(code, sorted({"torch", "numpy", "scipy", "matplotlib", "jinja2", "pydantic", "sklearn"} & set(sys.modules)), line)
"""
WRONG = (
    "report nosuch",
    "report nosuch --epochs 1,x",
    "report empty",
    "report file",
    "report",
    "report broken",
    "report list",
    "report --tensorboard a=nosuch --out out",
    "report --tensorboard a=empty --out out",
    "report --tensorboard a=file --out out",
    "report --tensorboard a --out out",
    "report --tensorboard a=empty",
    "compare",
    "compare nosuch empty",
    "compare file file",
    "export nosuch",
    "export empty --format csv",
    "export nosuch --format xlsx",
    "diagnose nosuch",
    "diagnose empty --method x",
    "diagnose file --seed 3",
    "diagnose nosuch --seed x",
    "run nosuch",
    "run phase1 --jobs 0",
    "run phase1 --engine x",
    "data prepare cremad --root nosuch --out out",
    "data prepare nosuch --root empty --out out",
    "list nosuch",
    "nosuch",
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, text in (("broken", "{"), ("list", "[]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "experiment.json").write_text(text)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    return tmp_path


def test_what_cannot_be_done_is_said_before_anything_slow_is_imported(place: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", TOLD], input="\n".join(WRONG), cwd=place, capture_output=True, text=True)
    assert ran.stdout.splitlines() == [f"2 [] {line}" for line in WRONG], ran.stderr[-2000:]
    assert "Traceback" not in ran.stderr
    assert sorted(path.name for path in place.iterdir()) == ["broken", "empty", "file", "list"], "nothing is written"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("report file", "run: must be the folder of a run, found a file at file"),
        ("export nosuch", "run: must be the folder of a run, found none at nosuch"),
        ("compare empty", "run: empty must hold experiment.json, found none"),
        ("diagnose list", "experiment.json is damaged: it must hold an object, found a list"),
        ("report broken", "experiment.json must be JSON"),
        ("report list --epochs 99999999999", "--epochs: must be epochs from 1 on"),
        ("run nosuch", "'nosuch' is neither a built-in experiment nor a file that exists"),
        ("check nosuch:x", "there is no module 'nosuch'"),
    ],
)
def test_it_is_said_in_words(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, words: str
) -> None:
    monkeypatch.chdir(place)
    assert main(command.split()) == 2
    assert words in capsys.readouterr().err
