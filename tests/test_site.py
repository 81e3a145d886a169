"""The documentation site: it builds without a warning, and its reference has every public name."""

import importlib
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import asgml

ROOT = Path(__file__).parents[1]
PACKAGES = ("asgml", "asgml.diagnosis", "asgml.monitors", "asgml.interventions", "asgml.policies")


def public():
    """Every name that a package says is its own."""
    names = {f"{package}.{name}" for package in PACKAGES for name in importlib.import_module(package).__all__}
    modules = {name for name in names if name.removeprefix("asgml.") in ("monitors", "interventions", "policies", "recipes")}
    return names - modules | {f"asgml.recipes.{name}" for name in asgml.recipes.__all__}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_public_name_is_in_the_reference(site):
    """An inventory is four lines of text and a compressed rest: a line for each name."""
    packed = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    documented = {line.split(" ")[0] for line in zlib.decompress(packed).decode().splitlines()}
    documented |= {name.replace("asgml.monitors.", "asgml.") for name in documented}
    homes = {f"asgml.{name}" for name in ("Monitor", "Intervention", "Recipe", "Diagnosis", "diagnose")}
    assert {name for name in public() - documented if name not in homes} == set()
    assert len(documented) > 100


def test_pages_have_no_example_outside_of_a_block(site):
    for page in (site / "api").glob("*.html"):
        for line in page.read_text().splitlines():
            assert not line.startswith(("<p>&gt;&gt;&gt;", "&gt;&gt;&gt;")), f"{page.name}: {line[:100]}"


def test_every_page_is_in_the_menu(site):
    menu = (site / "index.html").read_text()
    pages = [p.relative_to(site).as_posix() for p in site.rglob("*.html") if p.name != "404.html"]
    assert len(pages) > 25
    assert [p for p in pages if p != "index.html" and f'href="{p}"' not in menu] == []


def test_the_tests_of_a_changed_file_are_those_beside_it():
    from changed import tests_of

    assert tests_of(["src/asgml/lab/fusions/film.py", "README.md"]) == []
    assert tests_of(["src/asgml/lab/parts/catalogue.py"]) == ["tests/lab/parts/test_catalogue.py"]
    assert tests_of(["src/asgml/interventions/_delay.py"]) == ["tests/interventions/test_delay.py"]
    assert len(tests_of(["src/asgml/interventions/_scope.py"])) >= 5
    assert tests_of(["tests/test_site.py"]) == ["tests/test_site.py"]
