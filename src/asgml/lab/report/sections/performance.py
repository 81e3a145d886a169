"""Section 6: the task's metrics, each in columns of its own, paired differences, and what the runs cost."""

from __future__ import annotations

from asgml.lab import statistics
from asgml.lab.report import measures, primary, samples, words
from asgml.lab.report.document import Block, Dots, Figure, Heading, Panel, Paragraph, Table, Text
from asgml.lab.report.measures import Measure
from asgml.lab.report.model import Method, Study
from asgml.lab.report.sections import common, cost
from asgml.lab.report.sections import primary as primary_section
from asgml.lab.report.sections.common import head, name
from asgml.lab.tasks.scoring import Metric

TITLE = "Performance"
CHOSEN, LAST = "epoch chosen on validation", "last epoch"
OVERFIT = "Train - test {}"
BEST = "best on test (published protocol, optimistic)"
OPTIMISTIC = ("Best on test picks the epoch by the test set itself: it stands here only to compare with tables that do so, "
              "and no "
              "sentence uses it.")  # fmt: skip
EXPLORATORY = "Exploratory: these differences were not named beforehand, and carry no p."
SAMPLED = "over test samples"
OF_SAMPLES = ("An interval “over test samples” is a bootstrap of one seed's predictions that draws whole groups (an image, a "
              "speaker): it holds for new samples of the same two models, and says nothing of another seed.")  # fmt: skip
ASSUMES = "The t interval assumes normal differences, and is not corrected for the number of comparisons."
SCATTER = (
    "Test {} against the average gap: small marks are seeds, large ones their means. Up and to the left is "
    "better on both counts."
)


def blocks(study: Study) -> list[Block]:
    """The section; one sentence where no score was logged."""
    measured = _measures(study)
    found: list[Block] = [Heading(TITLE)]
    if measured:
        found += [*_scores(study, measured), *_primary(study), *_differences(study, measured), *_figures(study)]
    else:
        found.append(Paragraph(f"The logs hold neither {' nor '.join(f'test/{m.key}' for m in study.scoring.metrics[:2])}."))
    return [*found, *cost.blocks(study)]


def _measures(study: Study) -> dict[str, Measure]:
    """Column -> measure, for the metrics and the epochs that the logs hold."""
    tags = {metric.title: f"test/{metric.key}" for metric in _logged(study)}
    found: dict[str, Measure] = {}
    if any(run.best_epoch is not None for run in study.runs):
        found |= {f"{score}, {CHOSEN}": measures.chosen(tag) for score, tag in tags.items()}
    if study.chosen_only:
        return found
    return found | {f"{score}, {LAST}": measures.over_epochs(tag, "final") for score, tag in tags.items()}


def _logged(study: Study) -> list[Metric]:
    return [m for m in study.scoring.metrics if any(run.get(f"test/{m.key}") for run in study.runs)]


def _numbers(study: Study) -> tuple[str, ...]:
    """How the columns begin that hold no shares."""
    return tuple(f"{m.title}, " for m in study.scoring.metrics if m.unit == "number")


def _cell(study: Study, method: Method, column: str, measure: Measure) -> str:
    show = common.numbers if column.startswith(_numbers(study)) else common.shares
    return show(method, measure)


def _scores(study: Study, measured: dict[str, Measure]) -> list[Block]:
    tags = {} if study.chosen_only else {m.title: f"test/{m.key}" for m in _logged(study) if m.unit == "share" and not m.lower}
    columns = measured | {f"{title}, {BEST}": measures.over_epochs(tag, "max") for title, tag in tags.items()}
    score = study.scoring.score
    overfit = [OVERFIT.format(score.name)] if any(run.get(f"train/{score.key}") for run in study.runs) else []
    rows = tuple((*head(m), *(_cell(study, m, column, f) for column, f in columns.items()),
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
    rows = [row for m in others for column, f in measured.items() if (row := _difference(study, m, column, f))]
    columns = ("Method", "Score", "Difference to baseline", "95% interval (paired t)", "Pairs")
    table = Table(columns, tuple(rows), words=frozenset({"Score"}))
    note = f"{EXPLORATORY} {power(study)}{f' {OF_SAMPLES}' if any(SAMPLED in str(row[3]) for row in rows) else ''}"
    return [Heading("Differences to the baseline, paired by seed (exploratory)", 3), table, Paragraph(note, "note")]


def _primary(study: Study) -> list[Block]:
    """The comparisons that were named beforehand; a study of several data sets has them in its index."""
    named = (study.settings or {}).get("primary") or ()
    return primary_section.blocks(primary.tests(named, [(None, study)]), measures.score_of(study))


def _difference(study: Study, method: Method, column: str, measure: Measure) -> tuple[Text, ...] | None:
    base = study.baseline
    found = measures.change(method, base, measure) if base else None
    if base is None or found is None:
        return None
    if column.startswith(_numbers(study)):
        interval = words.number_interval(found.interval, found.n)
        return (name(method), column, words.number_difference(found), interval, str(found.n))
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
    score, tag = study.scoring.score, _tag(study)
    methods = tuple(m for m in study.methods if any(run.get(tag) for run in m.runs))
    if not methods:
        return []
    found = {m.name: measures.estimate(m, measures.chosen(tag)) for m in methods}
    said = ", ".join(f"{name} {words.percent(e.mean)}" for name, e in found.items() if e)
    curve = Panel(score.title, "Epoch", f"Test {score.name} (%)", common.curves(study, methods, lambda run: run.get(tag)))
    caption, alt = (
        f"{score.title} on the test set by epoch. {common.band_words(study)}",
        f"Line chart of test {score.name} over epochs. {said}.",
    )
    curves = [] if study.chosen_only else [Figure(score.key, caption, alt, (curve,), common.legend(study, methods))]
    return [*curves, *_scatter(study, methods, said)]


def _scatter(study: Study, methods: tuple[Method, ...], said: str) -> list[Block]:
    score = study.scoring.score
    shown = [(m, found) for m in methods if (found := _dots(study, m))]
    axes = (f"{score.title} against gap", "Average utilization gap (points)", f"Test {score.name} (%)")
    panel = Panel(*axes, dots=tuple(dots for _, dots in shown))
    alt = f"Scatter plot of test {score.name} against average gap. {said}."
    legend = common.legend(study, tuple(m for m, _ in shown))
    return [Figure("scatter", SCATTER.format(score.name), alt, (panel,), legend)] if shown else []


def _tag(study: Study) -> str:
    return f"test/{study.scoring.score.key}"


def _dots(study: Study, method: Method) -> Dots | None:
    gaps, scores = (
        measures.values(method, measures.gap("avg")),
        measures.values(method, measures.chosen(_tag(study))),
    )
    seeds = [seed for seed in gaps if seed in scores]
    xs, ys = tuple(100 * gaps[s] for s in seeds), tuple(100 * scores[s] for s in seeds)
    return Dots(common.slots(study)[method.name], xs, ys) if seeds else None
