"""`summary.json`, the contract for other programs: shares 0-1, a key is absent where the logs hold nothing, no NaN."""

from __future__ import annotations

from typing import Any

from asgml.lab.report import measures, primary
from asgml.lab.report.measures import OVER, Measure
from asgml.lab.report.model import Method, Study

SCHEMA = 1


def summarise(study: Study) -> dict[str, Any]:
    """The summary of a study as plain JSON values, unrounded."""
    found: dict[str, Any] = {"schema": SCHEMA, "experiment": study.name}
    if (dataset := dataset_name(study)) is not None:
        found["dataset"] = dataset
    if study.scoring.task != "classification":
        found["task"] = study.scoring.task
    if named := (study.settings or {}).get("primary"):
        found["primary"] = primary.summary(primary.tests(named, [(None, study)]))
    return found | {"methods": {method.name: _method(study, method) for method in study.methods}}


def dataset_name(study: Study) -> str | None:
    """The name of the data set, or the place that one's own is imported from; None where the logs do not say."""
    settings = (study.settings or {}).get("dataset") or {}
    name = settings.get("name") or settings.get("import") or settings.get("import_")
    return None if name is None else str(name)


def _method(study: Study, method: Method) -> dict[str, Any]:
    scoring, score = study.scoring, study.scoring.score.key
    numbers = {f"test_{m.key}": _stat(method, measures.chosen(f"test/{m.key}")) for m in scoring.metrics} | {
        f"test_{score}_final": _stat(method, measures.over_epochs(f"test/{score}", "final")),
        f"train_minus_test_{score}": _stat(method, measures.train_minus_test),
        f"probe_{scoring.short}": _kept({m: _probe(method, m) for m in method.modalities}),
        "utilization_gap": _gap(study, method),
        "grad_norm_late": _norms(study, method),
        "updates": _kept({m: _stat(method, measures.total(f"train/updates_{m}")) for m in method.modalities}),
        "skipped_share": _skipped(method),
        "training_tflop": _stat(method, measures.training_cost),
    }
    return {
        "n": len(method.runs),
        "seeds": [run.seed for run in method.runs],
        "failed": [{"seed": cell.seed, "reason": cell.reason} for cell in method.failed],
    } | _kept(numbers)


def _stat(method: Method, measure: Measure) -> dict[str, float | None]:
    found = measures.estimate(method, measure)
    return {} if found is None else {"mean": found.mean, "sd": found.sd}


def _kept(numbers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {key: value for key, value in numbers.items() if value}


def _probe(method: Method, modality: str) -> dict[str, Any]:
    return _kept({how: _stat(method, measures.probe(modality, how)) for how in OVER})


def _gap(study: Study, method: Method) -> dict[str, Any]:
    found = _kept({how: _stat(method, measures.gap(how)) for how in ("avg", "final")})
    relative = measures.gap_change(study, method)
    return found if relative is None else found | {"change_vs_baseline": relative}


def _skipped(method: Method) -> dict[str, Any]:
    shares = {m: measures.over_epochs(f"train/skipped_share_{m}", "avg") for m in method.modalities}
    return _kept({m: _stat(method, measure) for m, measure in shares.items()})


def _norms(study: Study, method: Method) -> dict[str, Any]:
    found = _kept({m: _stat(method, measures.late(f"train/grad_norm_{m}")) for m in method.modalities})
    ratio = measures.norm_ratio(study, method)
    return found if ratio is None else found | {"ratio": ratio}
