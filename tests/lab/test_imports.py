import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asgml.lab.errors import InputError
from asgml.lab.imports import find_module, load_object


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with a package of one's own in it."""
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    package = tmp_path / "my_own_pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text("def make_it(): return 42\n_hidden = 1\n")
    (package / "needy.py").write_text("import a_library_nobody_has\n")
    (package / "wrong.py").write_text("this is no python\n")
    (package / "angry.py").write_text("raise RuntimeError('not today')\n")
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("my_own_pkg"):
            del sys.modules[name]


def _refused(path: str) -> str:
    with pytest.raises(InputError) as error:
        load_object(path, "methods.mine.import")
    assert str(error.value).startswith("`methods.mine.import`: ")
    return str(error.value)


def test_the_current_folder_is_importable(folder: Path) -> None:
    assert str(folder) not in sys.path
    assert load_object("my_own_pkg.parts:make_it", "x")() == 42
    assert sys.path[0] == str(folder)


def test_the_current_folder_is_added_once(folder: Path) -> None:
    load_object("my_own_pkg.parts:make_it", "x")
    load_object("my_own_pkg.parts:make_it", "x")
    assert sys.path.count(str(folder)) == 1


def test_a_file_written_a_moment_ago_is_found(folder: Path) -> None:
    _refused("my_own_pkg.late:value")
    (folder / "my_own_pkg" / "late.py").write_text("value = 3\n")
    assert load_object("my_own_pkg.late:value", "x") == 3


def test_installed_modules_are_found(folder: Path) -> None:
    assert load_object("json:dumps", "x")({"a": 1}) == '{"a": 1}'


@pytest.mark.parametrize("path", ["nocolon", "a b:c", ":name", "pkg:", "pkg..mod:name", "pkg:na.me", "pkg:1st"])
def test_another_form_is_refused(folder: Path, path: str) -> None:
    assert f"must have the form 'package.module:name', found {path!r}" in _refused(path)


@pytest.mark.parametrize("module", ["my_own_pkgs", "my_own_pkgs.parts", "my_own_pkg.part", "json.dumps.deep"])
def test_a_missing_module_is_named(folder: Path, module: str) -> None:
    assert f"there is no module '{module}' (found in '{module}:make_it'); install it, or run asgml in" in _refused(
        f"{module}:make_it"
    )


def test_a_missing_name_gets_a_proposal(folder: Path) -> None:
    message = _refused("my_own_pkg.parts:makeit")
    assert message.endswith("the module 'my_own_pkg.parts' has no 'makeit'; did you mean 'make_it'?")


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("needy", "ModuleNotFoundError: No module named 'a_library_nobody_has'"),
        ("wrong", "SyntaxError: invalid syntax"),
        ("angry", "RuntimeError: not today"),
    ],
)
def test_an_error_inside_the_module_is_told(folder: Path, module: str, words: str) -> None:
    assert f"importing the module 'my_own_pkg.{module}' failed with {words}" in _refused(f"my_own_pkg.{module}:x")


@pytest.mark.parametrize(("body", "words"), [("import nobody_has_it", "ModuleNotFoundError"), ("1 / 0", "ZeroDivisionError")])
def test_an_error_in_a_parent_is_told(folder: Path, body: str, words: str) -> None:
    (folder / "my_own_pkg_b").mkdir()
    (folder / "my_own_pkg_b" / "__init__.py").write_text(body)
    assert f"failed with {words}" in _refused("my_own_pkg_b.inner:x")


def test_looking_for_a_module_does_not_run_it(folder: Path) -> None:
    find_module("my_own_pkg.angry:x", "dataset.import")
    assert "my_own_pkg.angry" not in sys.modules
