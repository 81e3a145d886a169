"""Every page about a host is a program that runs, as a reader would paste it."""

import re
from pathlib import Path

import pytest
import torch

PAGES = Path(__file__).parents[2] / "docs" / "hosts"


@pytest.mark.parametrize("page", ["plain.md", "amp.md", "compile.md"])
@pytest.mark.filterwarnings("ignore::UserWarning:torch.*")
def test_the_page_runs(page, capsys):
    torch._dynamo.reset()
    blocks = re.findall(r"```python\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)
    around = {}
    for block in blocks:
        exec(compile(block, page, "exec"), around)
    steps = sum(around["balancer"].tally["audio"].values())
    assert steps == {"plain.md": 3, "amp.md": 4, "compile.md": 4}[page]
    if page == "plain.md":
        assert "audio: 2 updates, 1 skipped, 0 held" in capsys.readouterr().out
