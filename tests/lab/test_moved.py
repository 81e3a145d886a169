"""A run whose folder and data were moved goes on: its address holds what the data are, and not where they lie."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import manifests
import small
from asgml.lab import layout, store, sweep
from asgml.lab.cli import commands, main, places
from asgml.lab.config import Cell, Experiment, address, place
from asgml.lab.datasets import contents
from asgml.lab.datasets.settings import AVDigits, Keypad, Manifest, Mosi
from asgml.lab.errors import InputError
from asgml.lab.training import cell as cells
from asgml.lab.training import diagnosing
from lab.sweeping import Watch

ONE_EPOCH = {"epochs": 3, "lr": 0.05, "weight_decay": 0.0, "batch_size": 16}


def data(folder: Path) -> Path:
    """A manifest with numbers in cells and in files."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for i in range(30):
        np.save(folder / f"{i}.npy", rng.normal(i % 2, 1, 4).astype(np.float32))
    rows = [[f"r{i}", f"c{i % 2}", f"{i}.npy", f"{i % 2} {i % 3}"] for i in range(30)]
    return manifests.write(folder / "m.csv", ("id", "label", "file", "cell"), rows)


def experiment(path: Path, **settings: Any) -> Experiment:
    document = {"name": "mine", "dataset": {"name": "manifest", "path": str(path)}, "seeds": [0], "methods": {"baseline": []},
                "model": {"feature_dim": 4}, "train": ONE_EPOCH}  # fmt: skip
    return Experiment.model_validate(document | settings).tuned()


def laid_out(one: Experiment, out: Path) -> list[Path]:
    """What a finished run leaves, as far as a sweep asks."""
    folders = []
    for cell in one.cells():
        config = cell.model_dump(mode="json", by_alias=True)
        folder = small.lay_out(store.cell_folder(out, cell.method, cell.seed), cell)
        store.write_json(folder / "result.json", {"status": "finished", "config": address.of(config)})
        folders.append(folder)
    store.write_json(out / "experiment.json", one.model_dump(mode="json", by_alias=True))
    return folders


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A finished run beside its data."""
    path = data(tmp_path / "here")
    laid_out(contents.filled(experiment(path), tmp_path / "here/out"), tmp_path / "here/out")
    return tmp_path / "here"


def gone_on(there: Path, path: Path, **settings: Any) -> tuple[Experiment, Watch]:
    one = contents.filled(experiment(path, **settings), there / "out")
    sweep.check(one, there / "out")
    assert sweep.unfinished(one, there / "out") == []
    watch = Watch()
    sweep.run(one, there / "out", 1, watch)
    return one, watch


def test_folder_and_data_that_were_moved_go_on(here: Path, tmp_path: Path) -> None:
    there = here.rename(tmp_path / "there")
    config = there / "out/baseline/seed0/config.json"
    before = address.of(store.read_json(config))
    assert store.read_json(config)["dataset"]["path"] == str(here / "m.csv")
    _, watch = gone_on(there, there / "m.csv")
    assert watch.told == [("skipped", "baseline")]
    for file in (config, there / "out/experiment.json"):
        assert store.read_json(file)["dataset"]["path"] == str(there / "m.csv"), "so that a diagnosis finds the data"
    assert address.of(store.read_json(config)) == before == store.read_json(config.with_name("result.json"))["config"]


@pytest.mark.parametrize("what", ["a cell", "a file", "a file's size", "a file is gone"])
def test_other_data_are_refused_in_words(here: Path, what: str) -> None:
    path = here / "m.csv"
    if what == "a cell":
        path.write_text(path.read_text().replace("r7", "r77"))
    elif what == "a file is gone":
        (here / "7.npy").unlink()
    else:
        np.save(here / "7.npy", np.zeros(4 if what == "a file" else 5, dtype=np.float32))
    one = contents.filled(experiment(path), here / "out")
    with pytest.raises(InputError, match=r"`dataset.content` was '\w{16}' and is '\w{16}'; so the data in .*m.csv are others"):
        sweep.check(one, here / "out")


def test_a_cell_that_was_cut_short_goes_on_in_another_place_bit_for_bit(tmp_path: Path) -> None:
    path = data(tmp_path / "here")
    cell = contents.filled(experiment(path), tmp_path / "none").cells()[0]
    killed, whole = (small.lay_out(tmp_path / "here" / name, cell) for name in ("killed", "whole"))
    small.train_and_kill(killed, cells.Trainer, "run_epoch", 3)
    cells.train(whole)
    there = (tmp_path / "here").rename(tmp_path / "there")
    config = there / "killed/config.json"
    moved = contents.filled(experiment(there / "m.csv"), tmp_path / "none").cells()[0]
    sweep._write_config(config, moved.model_dump(mode="json", by_alias=True))
    cells.train(there / "killed")
    assert not (there / "killed/checkpoint.pt.damaged").exists()
    assert small.log(there / "killed") == small.log(there / "whole")
    assert moved.address == cell.address


def test_a_folder_of_an_earlier_version_stays_as_it_is(tmp_path: Path) -> None:
    path = data(tmp_path)
    old = experiment(path)
    (folder,) = laid_out(old, tmp_path / "out")
    before = (folder / "config.json").read_bytes()
    one, watch = gone_on(tmp_path, path)
    assert one.dataset.content is None  # type: ignore[union-attr]
    assert watch.told == [("skipped", "baseline")]
    assert (folder / "config.json").read_bytes() == before
    other = contents.filled(experiment(data(tmp_path / "other")), tmp_path / "out")
    with pytest.raises(InputError, match=r"`dataset.path` was .* and is"):
        sweep.check(other, tmp_path / "out")


def test_addresses_without_a_digest_are_what_they_were() -> None:
    config = experiment(Path("/a/m.csv")).cells()[0].model_dump(mode="json", by_alias=True)
    assert "content" not in config["dataset"]
    assert address.identity(config)["dataset"]["path"] == "/a/m.csv"
    keypad = small.cell(epochs=1, seed=3)
    assert keypad.address == "e409ce495becbbf1"


def test_several_data_sets_have_a_digest_each(tmp_path: Path) -> None:
    named = {name: {"name": "manifest", "path": str(data(tmp_path / name))} for name in ("one", "two")}
    (tmp_path / "two/m.csv").write_text((tmp_path / "two/m.csv").read_text().replace("r1,", "x1,"))
    document = {"name": "mine", "datasets": named | {"keys": {"name": "keypad"}}, "methods": {"a": []}, "seeds": [0]}
    one = contents.filled(Experiment.model_validate(document), tmp_path / "out")
    found = {name: settings.content for name, settings in one.datasets.items()}
    assert found["keys"] is None
    assert len({found["one"], found["two"]}) == 2
    laid = layout.cells(one, tmp_path / "out")
    assert [cell.cell.dataset.content for cell in laid] == [found["one"], found["two"], None]  # type: ignore[union-attr]
    moved = places.moved(one, [f"two={tmp_path / 'one'}"]).datasets
    assert moved["two"].path == moved["one"].path == tmp_path / "one/m.csv"  # type: ignore[union-attr]


def test_a_grid_over_the_place_compares_places(tmp_path: Path) -> None:
    one = experiment(data(tmp_path), grid={"dataset.path": [str(tmp_path / "m.csv"), "other.csv"]})
    assert contents.filled(one, tmp_path / "out").dataset.content is None  # type: ignore[union-attr]


def test_a_digest_that_is_named_is_compared(tmp_path: Path) -> None:
    path = data(tmp_path)
    wrong = {"name": "manifest", "path": str(path), "content": "0123456789abcdef"}
    with pytest.raises(InputError, match=r"`dataset.content`: must be the digest of the data"):
        contents.filled(experiment(path, dataset=wrong), tmp_path / "out")


def test_digests_are_of_all_that_is_read(tmp_path: Path) -> None:
    path = data(tmp_path)
    first = contents.of(Manifest(path=path))
    assert first == contents.of(Manifest(path=data(tmp_path / "copy")))
    (tmp_path / "f.pkl").write_bytes(b"abc")
    assert contents.of(Mosi(name="mosi", path=tmp_path / "f.pkl")) == "ba7816bf8f01cfea"
    for name in ("0_a_0.wav", "1_a_0.wav"):
        (tmp_path / name).write_bytes(b"x")
    before = contents.of(AVDigits(root=tmp_path))
    (tmp_path / "0_a_0.wav").write_bytes(b"y")
    assert before != contents.of(AVDigits(root=tmp_path))
    assert contents.of(Keypad()) is None


def test_references_of_a_diagnosis_follow_the_data(tmp_path: Path) -> None:
    here = contents.filled(experiment(data(tmp_path / "here")), tmp_path / "none").cells()[0]
    there = contents.filled(experiment(data(tmp_path / "there")), tmp_path / "none").cells()[0]
    alone = diagnosing._alone(here, "cell")
    cached = store.cell_folder(tmp_path / ".solo", f"{alone.method}-{alone.address}", 0)
    small.lay_out(cached, alone)
    store.write_json(cached / "result.json", {"status": "finished"})
    assert diagnosing.references(tmp_path, there, ("cell",), train=False) == {"cell": cached}
    assert store.read_json(cached / "config.json")["dataset"]["path"] == str(tmp_path / "there/m.csv")


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ({"path": "a", "content": "1"}, {"path": "b", "content": "1"}, True),
        ({"path": "a", "content": "1"}, {"path": "a", "content": "2"}, False),
        ({"path": "a"}, {"path": "a", "content": "2"}, True),
        ({"path": "a"}, {"path": "b", "content": "2"}, False),
        ({"path": "a"}, {"path": "b"}, False),
    ],
)
def test_data_are_compared_by_digest_if_both_have_one(a: dict[str, str], b: dict[str, str], same: bool) -> None:
    one, other = place.alike({"dataset": a, "seed": 1}, {"dataset": b, "seed": 1})
    assert (one == other) == same


WRONG = {
    "a data set without files": ({"dataset": {"name": "keypad"}}, "new", "found keypad"),
    "one's own": ({"dataset": {"import": "my_module:data"}}, "new", "found your own; say --set dataset.ARGUMENT=..."),
    "none of several": ({"datasets": {"one": {"name": "keypad"}, "two": {"name": "keypad"}}}, "new", "must be NAME=PATH"),
    "another of several": ({"datasets": {"one": {"name": "keypad"}}}, "on=new", "did you mean 'one'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_place_that_cannot_be_given_is_refused(tmp_path: Path, what: str, capsys: Any) -> None:
    settings, place_, words = WRONG[what]
    (tmp_path / "mine.yaml").write_text(json.dumps({"name": "mine", "methods": {"a": []}, **settings}))
    assert main(["run", str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "out"), "--data", place_]) == 2
    said = capsys.readouterr().err
    assert said.startswith("asgml: error: --data: ")
    assert words in said


def test_the_command_line_says_where_the_data_lie_now(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = experiment(here / "m.csv").model_dump(mode="json", by_alias=True)
    (tmp_path / "mine.yaml").write_text(json.dumps(document))
    shutil.move(here / "out", tmp_path / "out")
    here.rename(tmp_path / "there")
    monkeypatch.setattr(commands, "report_run", lambda *_: None)
    command = ["run", str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "out"), "--quiet"]
    assert main(command) == 2, "there are no data where they were"
    for place_ in ("there/m.csv", "there"):
        assert main([*command, "--data", str(tmp_path / place_)]) == 0
    config = store.read_json(tmp_path / "out/baseline/seed0/config.json")
    assert Cell.model_validate(config).dataset.path == tmp_path / "there/m.csv"  # type: ignore[union-attr]
