"""Section 7: the sentences that the rules allow."""

from __future__ import annotations

from asgml.lab.report import facts, interpretation_rules
from asgml.lab.report.document import Block, Heading, Listing, Paragraph, Text
from asgml.lab.report.model import Study
from asgml.lab.report.rules import sentences

TITLE = "Interpretation"
INTRO = (
    "Each sentence below is made by a stated rule from the numbers above and is left out where the rule's condition fails. "
    "A change of "
    "less than 1 point counts as unchanged; a change whose interval includes 0 is not resolved by these seeds."
)


def blocks(study: Study) -> list[Block]:
    """The section."""
    said = statements(facts.of(study))
    body: Block = Listing(tuple(said)) if said else Paragraph("No rule's condition holds: these numbers allow no sentence.")
    return [Heading(TITLE), Paragraph(INTRO, "note"), body]


def statements(found: facts.StudyFacts) -> list[Text]:
    """Every sentence: method by method, the study, the controls."""
    rules = interpretation_rules
    return [text for _, text in (*sentences(rules.METHOD, found.methods), *sentences(rules.STUDY, [found]),
                                 *sentences(rules.SOLO, found.solos), *sentences(rules.JOINT, [found]))]  # fmt: skip
