"""`asgml cite` and `asgml check`, and how `compare` and `export` print or write."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from asgml.lab.cli import main, showing
from asgml.lab.methods import METHODS
from lab.report import logs


def test_every_paper_of_a_method_has_its_entry() -> None:
    known = showing.bibliography()
    cited = {key for model in METHODS.values() for key in model.cites}
    assert cited | {showing.OWN} == set(known)
    for key, entry in known.items():
        assert entry.count("{") == entry.count("}"), key
        assert set(re.findall(r"^  (\w+) = ", entry, re.MULTILINE)) >= {"title", "author"}


def test_papers_are_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cite", "ogm", "ogm_ge", "noise"]) == 0
    said = capsys.readouterr().out
    assert re.findall(r"@\w+\{(\w+),", said) == ["asgml", "peng2022balanced", "wei2024onthefly"]
    assert "% noise: no paper of its own" in said


def test_tables_are_printed_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = (logs.phase1(tmp_path / name, seeds=(0,), epochs=2) for name in "ab")
    assert main(["export", str(a)]) == 0
    assert capsys.readouterr().out.startswith(r"\begin{table}")
    assert main(["export", str(a), "--format", "csv", "--out", str(tmp_path / "t" / "a.csv")]) == 0
    assert (tmp_path / "t" / "a.csv").read_text().startswith("# Test set")
    assert main(["compare", str(a), str(b)]) == 0
    assert "# Experiments side by side" in capsys.readouterr().out
    assert main(["compare", str(a), str(b), "--out", str(tmp_path / "both")]) == 0
    assert f"wrote {tmp_path / 'both' / 'compare.html'}" in capsys.readouterr().out


def test_a_recipe_of_ones_own_is_held_to_the_laws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_checked_part.py").write_text(
        "import asgml\nclass Bad(asgml.Intervention):\n    def adjust(self, step):\n        next(iter(step.params.values()))\n"
        "        for p in step.params['audio'].values():\n            p.grad = p.detach().clone()\n"
        "def bad(): return asgml.Recipe(act=(Bad(),))\n"
        "def good(modality, k=2): return asgml.recipes.frequency(modality, k)\ndef other(): return 3\n"
    )
    assert main(["check", "own_checked_part:good", "modality=audio", "k=3"]) == 0
    assert "broken" not in capsys.readouterr().out
    assert main(["check", "own_checked_part:bad"]) == 1
    assert "broken  a gradient that is None stays None" in capsys.readouterr().out
    assert main(["check", "own_checked_part:other"]) == 2
    assert "must return a Recipe, found int" in capsys.readouterr().err
