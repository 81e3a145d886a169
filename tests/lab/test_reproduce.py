"""`make reproduce-cremad`: its commands are what the lab understands, and its page tells the two protocols apart."""

import itertools
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asgml.lab.cli.data import app
from asgml.lab.config import points
from asgml.lab.config.load import load_experiment
from asgml.lab.errors import InputError
from lab.report import logs

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "studies"))
import cremad  # noqa: E402


def commands(*variables: str) -> list[list[str]]:
    make = ["make", "-n", "reproduce-cremad", "VENV=v", *variables]
    said = subprocess.run(make, capture_output=True, text=True, cwd=ROOT)
    return [shlex.split(line) for line in said.stdout.splitlines() if line.startswith(("v/bin/asgml", "v/bin/python studies"))]


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_every_command_is_one_that_the_lab_understands() -> None:
    assert commands() == []
    found = commands("ROOT=media", "METADATA=lists", "SEEDS=[0, 1]", "RUN=--set train.epochs=2 --jobs 1")
    assert [words[1] for words in found] == ["data", "data", "data", "run", "run", "studies/cremad.py"]
    for words in found[:3]:
        app.parse_args(words[2:])
    assert found[0][4:8] == ["--root", "media", "--metadata", "lists"]
    for words, gamma in zip(found[3:5], (4, 0), strict=True):
        sets = [value for option, value in itertools.pairwise(words) if option == "--set"]
        assert words[-4:] == ["--set", "train.epochs=2", "--jobs", "1"]
        made = [point.experiment for point in points.of(load_experiment(words[2], sets))]
        assert [e.dataset.split for e in made] == ["published", "actor"]
        assert {(e.train.unimodal_loss, e.train.look, e.train.epochs, e.seeds) for e in made} == {
            (gamma, "every_epoch", 2, (0, 1))
        }
        assert {str(e.dataset.root.name) for e in made} == {"cremad"}


def lay_out(run: Path, gamma: float, **train: str) -> Path:
    """The best epoch on validation is the first, on the test set the third."""
    settings = {"dataset": {"name": "cremad", "split": "actor"}, "train": {"unimodal_loss": gamma, **train}}
    logs.write_experiment(run, {"baseline": [], "m": []}, [0, 1], **settings)
    for method, seed in ((m, s) for m in ("baseline", "m") for s in (0, 1)):
        accuracy = [0.5 + 0.1 * (method == "m") + 0.02 * seed, 0.1, 0.8]
        lines = logs.records({"audio": [0.5, 0.5, 0.5], "visual": [0.3, 0.3, 0.3]}, accuracy)
        logs.write_cell(run, method, seed, lines, best_epoch=1)
    return run


def test_the_page_has_both_protocols(tmp_path: Path) -> None:
    page = cremad.page(cremad.studies([lay_out(tmp_path / "heads", 4), lay_out(tmp_path / "plain", 0)]))
    rows = {row[0]: row[1:] for row in logs.tables(page)[0]}
    assert list(rows)[1:] == [f"gamma {g}, actor, `{m}" for g in (4, 0) for m in ("baseline", "m")]
    assert "published protocol, optimistic" in rows["own heads, split, method"][-1]
    plain = rows["gamma 0, actor, `m"]
    assert (plain[0], plain[1], plain[2].split()[0], plain[-1]) == ("2", "61.0 ± 1.4", "+10.0", "80.0 ± 0.0")
    assert "n = 2 seeds" in page


def test_runs_that_scored_the_chosen_epoch_alone_have_no_such_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"must be trained with train\.look: every_epoch"):
        cremad.studies([lay_out(tmp_path / "run", 4, look="chosen")])
