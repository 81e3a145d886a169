"""Tuning by a sampler: the same budget for all, no word from test data, and the same proposals however often it was stopped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from asgml.lab import search, store, tuning
from asgml.lab.config import Experiment
from asgml.lab.config.load import validate
from asgml.lab.config.study import Tune
from asgml.lab.errors import InputError
from lab.sweeping import Sweep, Watch, experiment

SPACE = {"train.lr": {"low": 0.01, "high": 1.0, "log": True}, "train.batch_size": {"low": 16, "high": 64},
         "train.schedule": ["cosine", "constant"]}  # fmt: skip


def tune(trials: int = 12, **more: Any) -> dict[str, Any]:
    return {"space": SPACE, "trials": trials, "seeds": [8], **more}


def study(*methods: str, trials: int = 12, seeds: Any = (0,), **more: Any) -> Experiment:
    return experiment(*methods, seeds=seeds, tune=tune(trials, **more))


def test_proposals_lie_in_the_space_and_come_from_what_was_told() -> None:
    wanted = Tune.model_validate(tune(14))
    first = search.proposed(wanted, [])
    assert len(first) == search.STARTUP
    told = [s["train.lr"] for s in first]
    more = search.proposed(wanted, told)
    assert (more[:10], len(more)) == (first, 11)
    assert search.proposed(wanted, [-x for x in told])[10] != more[10]
    assert search.proposed(Tune.model_validate(tune(14, seeds=[9])), [])[0] != first[0]
    assert len(search.proposed(wanted, told + [0.5] * 9)) == 14
    for one in more:
        assert 0.01 <= one["train.lr"] <= 1
        assert one["train.lr"] == float(f"{one['train.lr']:.3g}")
        assert one["train.batch_size"] in range(16, 65)
        assert one["train.schedule"] in ("cosine", "constant")


def test_every_method_has_the_same_number_and_takes_its_best(tmp_path: Path) -> None:
    at, wanted = Sweep(tmp_path, forked=True), study("tuned", "tuned_b", "large")
    outcome = at.run(wanted)
    assert (outcome.cells, outcome.failed) == (3 * 12 + 3, ())
    found = store.read_json(at.out / tuning.FILE)
    assert (found["trials"], found["cells"], found["sampler"]) == (12, 12, "tpe")
    for method, entry in found["methods"].items():
        assert len(entry["trials"]) == 12
        good = [t for t in entry["trials"] if t["validation_accuracy"] is not None]
        best = max(good, key=lambda t: t["validation_accuracy"])
        assert entry["chosen"] == best["settings"]
        assert store.read_json(at.out / method / "seed0/config.json")["train"]["lr"] == best["settings"]["train.lr"]
    tuned, large = (found["methods"][m]["trials"] for m in ("tuned", "large"))
    assert [t["settings"] for t in tuned[:10]] == [t["settings"] for t in large[:10]], "the first are the same for all"
    assert tuned[11]["settings"] != large[11]["settings"]
    assert any(t["diverged"] for t in tuned), "it goes on after trials that diverge"


def test_stopped_and_gone_on_with_it_is_the_same_and_runs_nothing_twice(tmp_path: Path) -> None:
    whole, cut = (Sweep(tmp_path / name, forked=True) for name in ("whole", "cut"))
    for folder in (tmp_path / "whole", tmp_path / "cut"):
        folder.mkdir()
    whole.run(study("tuned", "tuned_b"), jobs=1)

    class StopError(Exception):
        pass

    for limit in (4, 11, 22):

        def strike(limit: int = limit) -> None:
            if len(list(cut.out.glob("tuning/*/*/*/result.json"))) >= limit:
                raise StopError

        with pytest.raises(StopError):
            cut.run(study("tuned", "tuned_b"), jobs=3, watch=Watch(strike))
    cut.run(study("tuned", "tuned_b"), jobs=3)
    assert (cut.out / tuning.FILE).read_bytes() == (whole.out / tuning.FILE).read_bytes()
    finished = [line for line in cut.events if line.endswith("seed8")]
    assert len(finished) <= len(set(map(str, cut.out.glob("tuning/*/*/*")))) + 9, "only what was cut short began again"


def test_a_trial_that_crashes_holds_up_its_method_alone(tmp_path: Path) -> None:
    at = Sweep(tmp_path, forked=True)
    outcome = at.run(experiment("large", "tuned", tune=tune(11, seeds=[7])))
    methods = store.read_json(at.out / tuning.FILE)["methods"]
    assert {task.method for task in outcome.failed} == {"large"}
    assert methods["large"]["chosen"] is None
    assert methods["tuned"]["chosen"] is not None
    assert (at.out / "tuned/seed0/result.json").exists()
    assert not (at.out / "large/seed0").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"space": SPACE}, "`tune.trials`: must be given with `tune.space`"),
        ({}, "`tune`: must have either `over`, a grid, or `space` with `trials`, found neither"),
        (tune(over={"train.lr": [1]}), "`tune`: must have either `over`, a grid, or `space` with `trials`, found both"),
        ({"over": {"train.lr": [1]}, "trials": 3}, "`tune`: `sampler` and `trials` belong to `space`"),
        (tune(space={"train.lr": {"low": 1, "high": 0.1}}), "`tune.space.train.lr`: low must lie below high, found 1 and 0.1"),
        (tune(space={"train.lr": {"low": 0, "high": 1, "log": True}}), "`tune.space.train.lr`: low must lie above 0"),
        (tune(space={"train.lr": {"lo": 0, "high": 1}}), "`tune.space.train.lr.lo`: unknown setting; did you mean 'low'?"),
        (tune(space={"dataset.snr_db": [1, 2]}), "must be settings of model, train"),
        (tune(space={"train.momentum": {"low": 0.5, "high": 1.5}}), "tune at train.momentum=1.5: `train.momentum`: must be"),
        (tune(sampler="grid"), "`tune.sampler`: must be 'tpe' or 'random', found 'grid'"),
    ],
)
def test_what_is_wrong_with_a_space_is_said(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        validate({"name": "mine", "methods": {"baseline": []}, "tune": settings})
    assert said in str(error.value)


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    search._asked.cache_clear()
    with pytest.raises(InputError, match=r"`tune.sampler`: needs the package optuna.*pip install 'asgml\[tune\]'"):
        search.proposed(Tune.model_validate(tune(3)), [])
