"""Whatever a name holds, no control character of it reaches a terminal."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from asgml.lab import report
from asgml.lab.cli import main, progress, streams
from asgml.lab.cli.console import Output
from asgml.lab.engine import Task
from lab.report import logs

BAD = "a\x1b[31mb\x07c\x9bd\u202ee\u2066f\x7fg\rh"
SHOWN = "a\\x1b[31mb\\x07c\\x9bd\\u202ee\\u2066f\\x7fg\\rh"
RAW = set("\x1b\x07\x9b\u202e\u2066\x7f\r")


def test_control_characters_are_written_out_and_lines_stay() -> None:
    assert streams.clean(f"x\t{BAD}\ny\n") == f"x\t{SHOWN}\ny\n"
    text = "± – é 字 | 42.65%\n"
    assert streams.clean(text) is text


def test_what_a_command_prints_is_cleaned_and_the_streams_go_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with streams.cleaned():
        print(BAD)
        print(BAD, file=sys.stderr)
        Output().print(BAD)
        assert sys.stdout.isatty() is False
    assert (sys.stdout, sys.stderr) == before
    said = capsys.readouterr()
    assert said.out == f"{SHOWN}\n" * 2
    assert said.err == f"{SHOWN}\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_live_table_moves_the_cursor_itself_and_no_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    stream = Terminal()
    task = Task(1, BAD, 0, tmp_path, 3)
    with progress.show(1, stream) as shown:
        shown.started(task)
        shown._screen.update(shown._table(), refresh=True)  # type: ignore[union-attr]
        shown.ended(task, BAD, 1.0)
    text = stream.getvalue()
    assert "\x1b[" in text
    assert "\x1b[31mb" not in text
    assert SHOWN in text
    assert not (RAW - {"\x1b", "\r"}) & set(text)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose method, class and modality have such names."""
    logs.write_experiment(tmp_path / "r", {BAD: []}, [0])
    lines = json.dumps(logs.records({"audio": [0.5, 0.6], "visual": [0.3, 0.4]}, [0.5, 0.6]))
    changed = json.loads(lines.replace('"visual"', json.dumps(BAD)).replace('["0", "1"]', json.dumps([BAD, "1"])))
    logs.write_cell(tmp_path / "r", BAD, 0, changed)
    return tmp_path / "r"


def test_nothing_of_a_run_reaches_the_terminal_or_a_page_raw(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["report", str(run)], ["compare", str(run), str(run)], ["diagnose", str(run)],
                    *(["export", str(run), "--format", form] for form in ("csv", "latex", "markdown"))):  # fmt: skip
        main(command)
        said = capsys.readouterr()
        assert said.out + said.err
        assert not RAW & set(said.out + said.err), command
    for name in ("report.html", "analysis.md"):
        assert not RAW & set((run / name).read_bytes().decode()), name
    assert report.write(run)["methods"][BAD]["n"] == 1, "the summary has the names as they are, as JSON writes them"


@pytest.mark.parametrize(
    "command", [["report", BAD], ["run", BAD], ["data", "check", BAD], ["cite", BAD], [BAD], ["list", BAD]]
)
def test_no_error_is_raw(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 2
    said = capsys.readouterr()
    assert not RAW & set(said.out + said.err)
