"""Section 8: what to try next, and the trigger of each suggestion."""

from __future__ import annotations

from asgml.lab.report import facts, next_rules
from asgml.lab.report.document import Block, Heading, Listing, Paragraph, Strong, Text
from asgml.lab.report.model import Study
from asgml.lab.report.rules import sentences

TITLE = "What to try next"


def blocks(study: Study) -> list[Block]:
    """The section."""
    said = suggestions(facts.of(study))
    return [Heading(TITLE), Listing(tuple(said)) if said else Paragraph("No trigger fired.")]


def suggestions(found: facts.StudyFacts) -> list[Text]:
    """Every suggestion with its trigger behind it."""
    held = [(rule.when, text) for rule, text in sentences(next_rules.METHOD, found.methods)]
    held += [(rule.when, text) for rule, text in sentences(next_rules.STUDY, [found])]
    return [(*text, " ", Strong("Trigger:"), f" {when}.") for when, text in held]
