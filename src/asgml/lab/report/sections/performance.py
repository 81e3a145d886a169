"""Section 6: accuracy and macro F1, each in columns of its own, paired differences, and what the runs cost."""

from __future__ import annotations

from asgml.lab import statistics
from asgml.lab.report import facts, measures, primary, samples, words
from asgml.lab.report.document import Block, Dots, Figure, Heading, Panel, Paragraph, Table, Text
from asgml.lab.report.folders import SECONDS
from asgml.lab.report.measures import Measure
from asgml.lab.report.model import Method, Run, Series, Study
from asgml.lab.report.sections import common
from asgml.lab.report.sections import primary as primary_section
from asgml.lab.report.sections.common import head, name

TITLE = "Performance"
SCORES = {"Accuracy": "test/accuracy", "Macro F1": "test/f1_macro"}
CHOSEN, LAST = "epoch chosen on validation", "last epoch"
OVERFIT = "Train - test accuracy"
BEST = "best on test (published protocol, optimistic)"
OPTIMISTIC = ("Best on test picks the epoch by the test set itself: it stands here only to compare with tables that do so, "
              "and no "
              "sentence uses it.")  # fmt: skip
EXPLORATORY = "Exploratory: these differences were not named beforehand, and carry no p."
SAMPLED = "over test samples"
OF_SAMPLES = ("An interval “over test samples” is a bootstrap of one seed's predictions that draws whole groups (an image, a "
              "speaker): it holds for new samples of the same two models, and says nothing of another seed.")  # fmt: skip
ASSUMES = "The t interval assumes normal differences, and is not corrected for the number of comparisons."
SHARES = ("Shares of all updates, mean over epochs: skipped updates leave the encoder as it is, held ones wait for their "
          "first stale "
          "gradient.")  # fmt: skip
SCATTER = (
    "Test accuracy against the average gap: small marks are seeds, large ones their means. Up and to the left is "
    "better on both counts."
)


def blocks(study: Study) -> list[Block]:
    """The section; one sentence where no score was logged."""
    measured = _measures(study)
    found: list[Block] = [Heading(TITLE)]
    if measured:
        found += [*_scores(study, measured), *_primary(study), *_differences(study, measured), *_figures(study)]
    else:
        found.append(Paragraph("The logs hold neither test/accuracy nor test/f1_macro."))
    return [*found, *_costs(study)]


def _measures(study: Study) -> dict[str, Measure]:
    """Column -> measure, for the scores and the epochs that the logs hold."""
    tags = {score: tag for score, tag in SCORES.items() if any(run.get(tag) for run in study.runs)}
    found: dict[str, Measure] = {}
    if any(run.best_epoch is not None for run in study.runs):
        found |= {f"{score}, {CHOSEN}": measures.chosen(tag) for score, tag in tags.items()}
    if study.chosen_only:
        return found
    return found | {f"{score}, {LAST}": measures.over_epochs(tag, "final") for score, tag in tags.items()}


def _scores(study: Study, measured: dict[str, Measure]) -> list[Block]:
    tags = {score: tag for score, tag in SCORES.items() if any(run.get(tag) for run in study.runs)}
    best = {} if study.chosen_only else {f"{score}, {BEST}": measures.over_epochs(t, "max") for score, t in tags.items()}
    columns = measured | best
    overfit = [OVERFIT] if any(run.get("train/accuracy") for run in study.runs) else []
    rows = tuple((*head(m), *(common.shares(m, f) for f in columns.values()),
                  *(common.gaps(m, measures.train_minus_test) for _ in overfit)) for m in study.methods if m.runs)  # fmt: skip
    table = Table(("Method", "n", *columns, *overfit), rows)
    if study.chosen_only:
        return [table, Paragraph("Only the epoch chosen on validation was scored.", "note")]
    named = any(CHOSEN in column for column in measured)
    note = OPTIMISTIC if named else f"The logs name no epoch chosen on validation, so the last one stands for it. {OPTIMISTIC}"
    return [table, Paragraph(note, "note")]


def _differences(study: Study, measured: dict[str, Measure]) -> list[Block]:
    base = study.baseline
    others = [m for m in study.methods if m.runs and m is not base]
    if base is None:
        return [Paragraph("There is no method named baseline, so there is no difference to it.", "note")]
    if not others:
        return []
    rows = [row for m in others for column, f in measured.items() if (row := _difference(m, base, column, f))]
    columns = ("Method", "Score", "Difference to baseline", "95% interval (paired t)", "Pairs")
    table = Table(columns, tuple(rows), words=frozenset({"Score"}))
    note = f"{EXPLORATORY} {power(study)}{f' {OF_SAMPLES}' if any(SAMPLED in str(row[3]) for row in rows) else ''}"
    return [Heading("Differences to the baseline, paired by seed (exploratory)", 3), table, Paragraph(note, "note")]


def _primary(study: Study) -> list[Block]:
    """The comparisons that were named beforehand; a study of several data sets has them in its index."""
    named = (study.settings or {}).get("primary") or ()
    return primary_section.blocks(primary.tests(named, [(None, study)]), facts.score_of(study))


def _difference(method: Method, base: Method, column: str, measure: Measure) -> tuple[Text, ...] | None:
    found = measures.change(method, base, measure)
    if found is None:
        return None
    interval = words.interval(found.interval, found.n)
    if found.n == 1 and column == f"Accuracy, {CHOSEN}" and (sampled := samples.difference(method, base)):
        few = ", too few to rely on" if sampled.groups < samples.FEW else ""
        interval = f"{words.interval(sampled.interval)} ({SAMPLED}, {sampled.groups} groups{few})"
    return (name(method), column, words.difference(found), interval, str(found.n))


def power(study: Study) -> str:
    """What this many pairs can show."""
    base = {run.seed for run in study.baseline.runs} if study.baseline else set()
    pairs = sorted({n for m in study.methods if m is not study.baseline and (n := len(base & {r.seed for r in m.runs}))})
    if not pairs:
        return "No method shares a seed with the baseline: nothing can be paired."
    said = []
    for n in pairs:
        verdict = " and so can show no significance at 0.05" if statistics.smallest_p(n) > 0.05 else ""
        said.append(
            f"with n = {n} an exact two-sided sign-flip test cannot go below p = {statistics.smallest_p(n):.3g}{verdict}"
        )
    lone = " One pair gives no interval." if pairs[0] == 1 else ""
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}.{lone} {ASSUMES}"


def _figures(study: Study) -> list[Block]:
    methods = tuple(m for m in study.methods if any(run.get("test/accuracy") for run in m.runs))
    if not methods:
        return []
    found = {m.name: measures.estimate(m, measures.chosen("test/accuracy")) for m in methods}
    said = ", ".join(f"{name} {words.percent(e.mean)}" for name, e in found.items() if e)
    curve = Panel("Accuracy", "Epoch", "Test accuracy (%)", common.curves(study, methods, _accuracy))
    caption, alt = (
        f"Accuracy on the test set by epoch. {common.band_words(study)}",
        f"Line chart of test accuracy over epochs. {said}.",
    )
    curves = [] if study.chosen_only else [Figure("accuracy", caption, alt, (curve,), common.legend(study, methods))]
    return [*curves, *_scatter(study, methods, said)]


def _scatter(study: Study, methods: tuple[Method, ...], said: str) -> list[Block]:
    shown = [(m, found) for m in methods if (found := _dots(study, m))]
    panel = Panel(
        "Accuracy against gap", "Average utilization gap (points)", "Test accuracy (%)", dots=tuple(dots for _, dots in shown)
    )
    alt = f"Scatter plot of test accuracy against average gap. {said}."
    return [Figure("scatter", SCATTER, alt, (panel,), common.legend(study, tuple(m for m, _ in shown)))] if shown else []


def _accuracy(run: Run) -> Series | None:
    return run.get("test/accuracy")


def _dots(study: Study, method: Method) -> Dots | None:
    gaps, scores = (
        measures.values(method, measures.gap("avg")),
        measures.values(method, measures.chosen("test/accuracy")),
    )
    seeds = [seed for seed in gaps if seed in scores]
    xs, ys = tuple(100 * gaps[s] for s in seeds), tuple(100 * scores[s] for s in seeds)
    return Dots(common.slots(study)[method.name], xs, ys) if seeds else None


def _costs(study: Study) -> list[Block]:
    kinds = {"skipped_share": "Skipped", "held_share": "Held"}
    shares = {f"{word} ({m})": f"train/{key}_{m}" for key, word in kinds.items() for m in study.modalities}
    shares = {column: tag for column, tag in shares.items() if any(run.get(tag) for run in study.runs)}
    timed = any(run.get(SECONDS) for run in study.runs)
    if not shares and not timed:
        return []
    columns = ("Method", "n", *shares, *(["Seconds per epoch"] if timed else []))
    rows = tuple(_cost(m, list(shares.values()), timed) for m in study.methods if m.runs)
    return [Heading("Updates skipped and held, and time", 3), Table(columns, rows), Paragraph(SHARES, "note")]


def _cost(method: Method, tags: list[str], timed: bool) -> tuple[Text, ...]:
    shares = [common.shares(method, measures.over_epochs(tag, "avg")) for tag in tags]
    return (*head(method), *shares, *([common.numbers(method, measures.over_epochs(SECONDS, "avg"))] if timed else []))
