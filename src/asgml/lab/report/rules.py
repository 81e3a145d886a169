"""A rule is a condition in words, the same as a function, and the sentence it allows; a section is a table of rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from asgml.lab.report import words
from asgml.lab.report.document import Inline, Text, inlines
from asgml.lab.report.facts import Change, Facts

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Rule(Generic[F]):
    """`say` is asked only where `applies` holds; `when` is printed as the trigger."""

    when: str
    applies: Callable[[F], bool]
    say: Callable[[F], Text]


def sentences(rules: Sequence[Rule[F]], facts: Sequence[F]) -> list[tuple[Rule[F], tuple[Inline, ...]]]:
    """Every rule that holds for a fact, fact by fact, with its sentence."""
    return [(rule, inlines(rule.say(fact))) for fact in facts for rule in rules if rule.applies(fact)]


def gap_words(facts: Facts) -> str:
    """`the average gap moved by -3.41 points (13.05 points to 9.64 points; ...)`."""
    return f"the average gap moved by {change_words(facts.gap_change)}; {_pair(facts)}"


def score_words(facts: Facts) -> str:
    """`test accuracy moved by -1.47 points (...)`."""
    return f"test {facts.score} moved by {change_words(facts.score_change)}"


def change_words(change: Change | None) -> str:
    """`-1.50 points (95% interval over 3 seeds ...)`."""
    if change is None:
        return words.NONE
    return f"{words.signed_points(change.mean)} ({words.certainty(change.interval, change.n)})"


def _pair(facts: Facts) -> str:
    return f"baseline {words.points(facts.base_gap)}, now {words.points(facts.gap)}"
