"""Settings that come from a folder or a file import code only where its user ran that code before, or allows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from safetensors import safe_open

import small
from asgml.lab import load_model, own_code, store
from asgml.lab.cli import main
from asgml.lab.config import address
from asgml.lab.errors import InputError

SHELL = {"import": "subprocess:run", "args": "echo ran > RAN", "shell": True}
PLACES: dict[str, tuple[str, ...]] = {
    "a method": ("entries", "0"),
    "a data set": ("dataset",),
    "an encoder": ("model", "encoders", "audio"),
    "a fusion": ("model", "fusion"),
    "what no schema knows": ("train", "augment", "audio", "deep"),
}
MODULE = """from asgml import Recipe


def recipe(word):
    with open("CALLED", "a") as file:
        file.write(word)
    return Recipe()
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = small.lay_out(tmp_path_factory.mktemp("run") / "baseline" / "seed0", small.cell(epochs=1))
    assert small.run_here(folder) == 0
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, importable, with a module of one's own; a cache of its own too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "my_own_recipe", raising=False)
    monkeypatch.setenv("ASGML_CACHE", str(tmp_path / "cache"))
    (tmp_path / "my_own_recipe.py").write_text(MODULE)
    return tmp_path


def put(config: Any, place: tuple[str, ...], value: Any) -> None:
    for key in place[:-1]:
        config[key] = config.get(key) or {}
        config = config[key]
    if place[0] == "entries":
        config["0"] = value
    else:
        config[place[-1]] = value


def hostile(config: dict[str, Any], where: str, value: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(config))
    kind = {} if where == "a data set" else {"kind": "import"}
    if where == "a method":
        changed["entries"] = [kind | value]
    else:
        put(changed, PLACES[where], kind | value)
    return changed


def saved(trained: Path, folder: Path, config: dict[str, Any]) -> Path:
    """A lone file of weights that somebody changed."""
    with safe_open(trained / "model.safetensors", "pt") as file:
        about = json.loads(file.metadata()["asgml"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    folder.mkdir()
    about["config"] = config
    safetensors.torch.save_file(tensors, folder / "model.safetensors", {"asgml": json.dumps(about)})
    return folder


def agree(folder: Path) -> None:
    """Make the result one of the config beside it."""
    config = address.of(store.read_json(folder / "config.json"))
    store.write_json(folder / "result.json", store.read_json(folder / "result.json") | {"config": config})


@pytest.mark.parametrize("where", PLACES)
def test_load_model_refuses_code_by_its_name(trained: Path, here: Path, where: str) -> None:
    config = store.read_json(trained / "config.json")
    folder = saved(trained, here / "alone", hostile(config, where, SHELL))
    with pytest.raises(InputError, match=r"names code to import .*subprocess:run.*allow_imports=True") as error:
        load_model(folder)
    assert ".".join(PLACES[where]) in str(error.value)
    assert not (here / "RAN").exists()


@pytest.mark.parametrize("sly", [False, True])
@pytest.mark.parametrize("where", PLACES)
def test_diagnose_refuses_code_by_its_name(trained: Path, here: Path, where: str, sly: bool, capsys: Any) -> None:
    config = store.read_json(trained / "config.json")
    folder = here / "run" / "baseline" / "seed0"
    folder.mkdir(parents=True)
    for file in ("checkpoint.pt", "result.json", "metrics.jsonl"):
        (folder / file).write_bytes((trained / file).read_bytes())
    store.write_json(folder / "config.json", hostile(config, where, SHELL))
    store.write_json(here / "run" / "experiment.json", {"methods": {"baseline": []}, "seeds": [0]})
    if sly:
        agree(folder)
    assert main(["diagnose", "run"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "subprocess:run" in said
    assert "--allow-imports" in said
    for command in (["report", "run"], ["export", "run"], ["compare", "run", "run"]):
        main(command)
    assert not (here / "RAN").exists()


def test_allowed_code_runs(trained: Path, here: Path) -> None:
    config = store.read_json(trained / "config.json")
    entry = {"import": "my_own_recipe:recipe", "word": "x"}
    folder = saved(trained, here / "alone", hostile(config, "a method", entry))
    with pytest.raises(InputError, match="my_own_recipe:recipe"):
        load_model(folder)
    assert not (here / "CALLED").exists()
    with torch.no_grad():
        assert load_model(folder, allow_imports=True).classes == load_model(trained).classes
    assert (here / "CALLED").read_text() == "x"


@pytest.fixture
def own_run(here: Path) -> Path:
    """A run of one's own code, as `asgml run` makes it."""
    settings = small.cell(epochs=1).model_dump(mode="json", by_alias=True)
    document = {key: settings[key] for key in ("dataset", "model", "train")}
    methods = {"mine": {"import": "my_own_recipe:recipe", "word": "x"}}
    (here / "mine.yaml").write_text(json.dumps({"name": "mine", **document, "seeds": [0], "methods": methods}))
    code = "import sys; from asgml.lab.cli import main; sys.exit(main(['run', 'mine.yaml', '--quiet']))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=200).returncode == 0
    return here / "outputs" / "mine"


def test_diagnose_knows_its_users_own_run(own_run: Path, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    assert main(["diagnose", str(own_run)]) == 0
    config = own_run / "mine" / "seed0" / "config.json"
    settings = store.read_json(config)
    assert own_code.known(settings)

    changed = json.loads(json.dumps(settings))
    changed["entries"][0]["word"] = "y"
    assert not own_code.known(changed), "other arguments"
    assert not own_code.known(hostile(settings, "a data set", SHELL)), "one more import"
    store.write_json(config, changed)
    agree(config.parent)
    assert main(["diagnose", str(own_run)]) == 2
    assert main(["diagnose", str(own_run), "--allow-imports"]) == 0
    store.write_json(config, settings)

    (here / "elsewhere").mkdir()
    (here / "elsewhere" / "my_own_recipe.py").write_text(MODULE)
    monkeypatch.chdir(here / "elsewhere")
    assert not own_code.known(settings), "another file of that name"
    monkeypatch.chdir(here)
    monkeypatch.setattr(os, "getuid", lambda: -1)
    assert not own_code.known(settings), "another user's"
    assert "you have not run it from here before" in capsys.readouterr().err


def test_what_names_no_code_is_left_alone() -> None:
    plain = {"encoders": {"import": "cnn"}, "list": [1, {"a": None}], "note": "import x:y"}
    assert list(own_code.named(plain)) == []
    assert own_code.known(plain)
    own_code.refuse(plain, Path("x"), "")
    deep: Any = {"import": "a:b"}
    for _ in range(100_000):
        deep = [deep]
    assert next(own_code.named(deep))[1] == {"import": "a:b"}
    while isinstance(deep, list):  # taken apart by hand: the interpreter would do so by recursion
        deep = deep.pop()
