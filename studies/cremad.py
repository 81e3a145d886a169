"""Phase 1 on CREMA-D as one table: own heads or none, both splits, the epoch chosen on validation or on the test set itself.

make reproduce-cremad ROOT=CREMA-D METADATA=lists
python studies/cremad.py outputs/cremad_phase1 outputs/cremad_phase1_plain --to outputs/cremad.md
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from tables import counted, level, points, table

from asgml.lab import store
from asgml.lab.errors import InputError
from asgml.lab.report import measures, places
from asgml.lab.report.model import Method, Study
from asgml.lab.report.sections.performance import BEST

ACCURACY = "test/accuracy"
HONEST, PUBLISHED = measures.chosen(ACCURACY), measures.over_epochs(ACCURACY, "max")
F1 = measures.chosen("test/f1_macro")
HEAD = ("own heads, split, method", "n", "accuracy, %", "less the baseline, points", "macro F1, %", "audio probe, %",
        "visual probe, %", f"accuracy, {BEST}, %")  # fmt: skip


def studies(runs: Sequence[Path]) -> list[Study]:
    """Every run at every split; InputError where the test set was not scored at every epoch."""
    found = [place.study for run in runs for place in places.of(run)]
    if chosen := [study.name for study in found if study.chosen_only]:
        raise InputError(f"run: must be trained with train.look: every_epoch, found chosen in {', '.join(chosen)}")
    return found


def where(study: Study) -> str:
    """Its gamma and its split."""
    settings = study.settings or {}
    return f"gamma {settings['train']['unimodal_loss']:g}, {settings['dataset']['split']}"


def lines(study: Study) -> Iterator[list[str]]:
    """A line per method that has a run."""
    for method in (m for m in study.methods if m.runs):
        base = study.baseline if method is not study.baseline else None
        probes = [level(measures.values(method, measures.chosen(f"test/probe_acc_{m}"))) for m in ("audio", "visual")]
        yield [f"{where(study)}, `{method.name}`", str(len(method.runs)), of(method, HONEST),
               points(measures.change(method, base, HONEST) if base else None), of(method, F1), *probes,
               of(method, PUBLISHED)]  # fmt: skip


def of(method: Method, measure: measures.Measure) -> str:
    """Mean and spread over seeds."""
    return level(measures.values(method, measure))


def page(found: Sequence[Study]) -> str:
    """Compose the page."""
    seeds = counted([len(m.runs) for study in found for m in study.methods if m.runs])
    notes = dict.fromkeys(f"- {where(study)}: {study.header['note']}" for study in found if study.runs)
    return PAGE.format(n=seeds, table=table(HEAD, [row for study in found for row in lines(study)]), notes="\n".join(notes))


PAGE = """\
# Phase 1 on CREMA-D

n = {n} seeds. Mean ± sd; differences are paired by seed, with 95 % t intervals, uncorrected. All columns but the last are at
the epoch with the best validation accuracy. The last one takes the best epoch on the test set itself, as published tables do:
it is too high, and stands here for comparison with them alone. *gamma 4* adds the losses of own heads four times, in every
method. Comparisons with a p are in the reports of the two runs.

{table}

{notes}
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--to", type=Path, required=True)
    given = parser.parse_args()
    store.write_atomic(given.to, page(studies(given.runs)).encode())
    print(f"wrote {given.to}")


if __name__ == "__main__":
    main()
