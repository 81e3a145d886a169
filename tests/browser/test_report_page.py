"""The page in a real browser: it loads, logs no error, runs no script but its own, and asks no server for anything."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from asgml.lab import report
from lab.report import logs

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-extensions", "--host-resolver-rules=MAP * "
                                                                                 "~NOTFOUND")  # fmt: skip
MUST = os.environ.get("ASGML_BROWSER") == "required"  # then a missing browser fails instead of skipping
pytestmark = pytest.mark.skipif(BROWSER is None and not MUST, reason="no chromium or chrome on the path")


def browse(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Open a page with a profile of its own; the browser ends by itself."""
    profile = page.parent / "profile"
    command = [str(BROWSER), *QUIET, f"--user-data-dir={profile}", "--enable-logging=stderr", "--v=0", *options, page.as_uri()]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    shutil.rmtree(profile, ignore_errors=True)
    return found


def console(log: str) -> list[str]:
    """What the page wrote to the console."""
    return [line for line in log.splitlines() if ":CONSOLE" in line]


def requests(log: Path) -> set[str]:
    """The addresses beyond this machine's files that the page asked for; what the browser itself looks for has no origin."""
    text = log.read_text().rstrip().rstrip(",")
    events = json.loads(text if text.endswith("}") else text + "]}")["events"]
    params = [e["params"] for e in events if isinstance(e.get("params"), dict) and "initiator" in e["params"]]
    return {p["url"] for p in params if p["initiator"] != "not an origin" and not p["url"].startswith(("file:", "data:"))}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every section, a failed cell and a name that would run if it were not escaped."""
    run = logs.phase1(tmp_path_factory.mktemp("page") / "phase1", epochs=5)
    bad = "<img src=x onerror=console.error(1)>"
    lines = logs.records(logs.seed_probes("baseline"), [0.5] * 13)
    hostile = {"note": bad, "classes": [bad, "</script>"], "versions": {bad: bad}}
    logs.write_cell(run, bad, 0, [{**lines[0], **hostile}, *lines[1:]])
    logs.fail_cell(run, "baseline", 9, "<script>console.error('ran')</script>")
    settings = json.loads((run / "experiment.json").read_text())
    methods = {**settings["methods"], "own": [{"kind": "import", "import": bad, "label": bad}]}
    changed = {"name": bad, "dataset": {"import": bad, bad: bad}, "methods": methods}
    (run / "experiment.json").write_text(json.dumps(settings | changed))
    report.write(run)
    return run / "report.html"


def test_the_page_loads_without_a_word_on_the_console_and_asks_nobody(page: Path, tmp_path: Path) -> None:
    found = browse(page, "--dump-dom", f"--log-net-log={tmp_path / 'net.json'}")
    assert console(found.stderr) == []
    assert requests(tmp_path / "net.json") == set()
    assert len(re.findall("<h2 ", found.stdout)) == 11
    assert found.stdout.count("<svg") > 4
    assert found.stdout.count("<script") == 1
    assert "<img" not in found.stdout


def test_the_test_sees_a_page_that_logs_and_asks(tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<img src='http://127.0.0.1:9/x.png'><script>console.error('seen')</script>")
    found = browse(bad, "--dump-dom", f"--log-net-log={tmp_path / 'net.json'}")
    assert any("seen" in line for line in console(found.stderr))
    assert requests(tmp_path / "net.json") == {"http://127.0.0.1:9/x.png"}


def pixels(image: Path) -> tuple[float, int]:
    """The brightness of the page's margin (0-255), and how many colours a picture holds."""
    from matplotlib import image as reader

    found = reader.imread(image)
    colours = {tuple(p) for row in found[::4, ::4] for p in row[:, :3]}
    return 255 * float(found[5, 5, :3].mean()), len(colours)


@pytest.mark.parametrize(("scheme", "options"), [("light", ()), ("dark", ("--blink-settings=preferredColorScheme=0",))])
def test_the_page_follows_the_readers_scheme(page: Path, tmp_path: Path, scheme: str, options: Sequence[str]) -> None:
    browse(page, f"--screenshot={tmp_path / 'page.png'}", "--window-size=1100,3000", "--hide-scrollbars", *options)
    brightness, colours = pixels(tmp_path / "page.png")
    assert (brightness > 200) is (scheme == "light")
    assert (brightness < 60) is (scheme == "dark")
    assert colours > 50


SCRIPT = """<script>
const seen = {wide: document.documentElement.scrollWidth - innerWidth, heads: [], orders: []};
const table = document.querySelector("table.sortable"), [method, , accuracy] = table.tHead.rows[0].cells;
const look = () => {
  seen.heads.push([method.ariaSort, accuracy.ariaSort]);
  seen.orders.push([...table.tBodies[0].rows].map((row) => [row.cells[0].textContent, row.cells[2].textContent]));
};
look();
for (const head of [accuracy, method, method]) {
  const button = head.querySelector("button");
  button.focus();
  if (document.activeElement === button) button.click();
  look();
}
document.title = JSON.stringify(seen);
</script></body>"""


@pytest.fixture(scope="module")
def seen(page: Path) -> dict[str, Any]:
    """What a script finds in a narrow window, before and after it presses the heads of the leaderboard."""
    probe = page.with_name("probe.html")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    probe.write_text(text.replace("</body>", SCRIPT))
    title = re.search(r"<title>(.*?)</title>", browse(probe, "--dump-dom", "--window-size=500,900").stdout, re.DOTALL)
    assert title is not None
    found: dict[str, Any] = json.loads(html.unescape(title[1]))
    return found


def test_nothing_is_wider_than_a_telephone_but_what_scrolls(seen: dict[str, Any]) -> None:
    assert seen["wide"] <= 0


def test_the_heads_of_the_leaderboard_sort_it_and_say_so(seen: dict[str, Any]) -> None:
    assert seen["heads"] == [["none", "descending"], ["none", "ascending"], ["ascending", "none"], ["descending", "none"]]
    names, accuracies = ([[row[i] for row in order] for order in seen["orders"]] for i in (0, 1))
    numbers = [[float(text.partition("%")[0]) for text in order] for order in accuracies]
    assert numbers[0] == sorted(numbers[0], reverse=True)
    assert numbers[1] == sorted(numbers[1])
    assert names[2] == names[3][::-1] != names[0]
    assert len({tuple(sorted(order)) for order in names}) == 1
