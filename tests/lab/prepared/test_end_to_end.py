"""From media to a report, as a user goes: prepare (a fixture), check, train, report."""

import json

import pytest

from asgml.lab import engines
from asgml.lab.cli import main
from lab.sweeping import Here

EXPERIMENT = """
name: faces
dataset: {name: cremad, root: %s, split: actor, seed: 0}
model: {feature_dim: 8}
train: {epochs: 2, batch_size: 16, lr: 0.05}
seeds: [0]
methods:
  baseline: []
"""


def test_check_says_what_the_split_shares_and_what_is_left_out(store, tmp_path, capsys):
    assert main(["data", "check", str(store), "--out", str(tmp_path / "page.html")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "test 20 12 12 0" in said
    assert "9 files gave no sample" in said
    assert "Groups: 12 of 12 in test stand in a split before it" in said
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    for words in ("frames at ", "from its beginning to 0.40 s", "Which part of each clip is seen"):
        assert words in page
    assert "://" not in page
    assert "<script" not in page


def test_train_and_report(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engines, "make", lambda *words: Here())
    (tmp_path / "faces.yaml").write_text(EXPERIMENT % store)
    assert main(["run", "faces.yaml", "--jobs", "1"]) == 0
    found = json.loads((tmp_path / "outputs" / "faces" / "summary.json").read_text())["methods"]["baseline"]
    assert found["n"] == 1
    assert found["probe_acc"]["visual"]["final"]["mean"] == pytest.approx(1)  # one grey per emotion
    assert "no actor stands in two splits" in (tmp_path / "outputs" / "faces" / "analysis.md").read_text()
