"""Every example in a docstring of the library runs, and every Python block of the README and the docs."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import torch
from torch import nn

import asgml
from asgml import interventions, monitors, policies, recipes

NOT_HERE = ("asgml.lab", "asgml.__main__", "asgml.diagnostics")
MODULES = [m.name for m in pkgutil.walk_packages(asgml.__path__, "asgml.") if not m.name.startswith(NOT_HERE)]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    assert sum(bool(t.examples) for name in MODULES for t in finder.find(importlib.import_module(name))) >= 8


ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [(page, block) for page in PAGES for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)]


class Net(nn.Module):
    """What a reader has: two encoders and a head."""

    def __init__(self):
        super().__init__()
        self.audio, self.visual, self.head = nn.Linear(4, 8), nn.Linear(6, 8), nn.Linear(16, 10)

    def forward(self, inputs):
        return self.head(torch.cat([self.audio(inputs[0]), self.visual(inputs[1])], 1))


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[f"{p.name} {n}" for n, (p, _) in enumerate(BLOCKS)])
def test_python_blocks_run(page, block):
    net = Net()
    batch = ((torch.randn(5, 4), torch.randn(5, 6)), torch.randint(10, (5,)))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loaders = {"loader": [batch] * 4, "held_out_loader": [batch] * 2}
    around = {"net": net, **loaders, "optimizer": optimizer, "criterion": nn.functional.cross_entropy}
    exec(compile(block, str(page), "exec"), around)
    if "balancer" in around:
        assert around["balancer"].tally["audio"] == {"updated": 2, "skipped": 2, "held": 0}
        assert set(around["readings"]) == {"grad_norm", "probe"}


def test_there_are_python_blocks():
    assert len(BLOCKS) >= 2


def test_the_library_page_names_every_part():
    page = (ROOT / "docs" / "library.md").read_text()
    parts = {n for package in (monitors, interventions, policies, recipes) for n in package.__all__}
    assert {n for n in parts if not re.search(rf"\b{n}\b", page)} == set(), "parts that docs/library.md does not name"


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
