"""The hosts' pages run as they stand, block after block, as a reader would paste them."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "hosts"
PAGES = {
    "lightning": "audio: 4 updates, 4 skipped, 0 held",
    "transformers": "text: 4 updates, 4 skipped, 0 held",
    "accelerate": "audio: 4 updates, 4 skipped, 0 held",
}
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:lightning.*", "ignore::UserWarning:torch.*"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),
]


@pytest.mark.parametrize("page", PAGES)
def test_page_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    namespace = {"__name__": page}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, f"{page}.md", "exec"), namespace)
    printed = capsys.readouterr().out
    assert PAGES[page] in printed
    assert f"`{PAGES[page]}`" in text
    assert "probe" in printed or page == "accelerate"
