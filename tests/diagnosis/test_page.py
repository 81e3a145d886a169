"""The page on how often the diagnosis is right speaks of the rules as they are."""

import dataclasses
import re
from pathlib import Path

from asgml.diagnosis._rules import FROZEN, RULES

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_has_the_thresholds_in_use():
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \|$", (DOCS / "diagnosis.md").read_text(), re.MULTILINE)
    assert {name: float(value) for name, value in rows} == dataclasses.asdict(FROZEN)


def test_the_library_page_names_the_rules_in_their_order():
    text = (DOCS / "library.md").read_text()
    table = text[text.index("| verdict | when |") :]
    assert re.findall(r"^\| ([a-z, ]+) \| ", table, re.MULTILINE)[1:] == [rule.verdict for rule in RULES]
