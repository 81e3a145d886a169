"""Every built-in experiment is valid, and the documentation's experiment too."""

import re
from pathlib import Path

import pytest
import yaml

from asgml.lab.config import encoders, fusions, points
from asgml.lab.config.load import built_in, load_experiment, validate

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name", built_in())
def test_built_in_experiments_are_valid_and_have_a_baseline(name):
    experiment = load_experiment(name, [])
    assert experiment.name == name
    assert experiment.methods["baseline"] == ()
    assert all(point.experiment.train.lr is not None for point in points.of(experiment))


def test_the_documented_experiment_is_valid():
    block = re.search(r"```yaml\n(name: mine.*?)```", (DOCS / "lab.md").read_text(), re.DOTALL)
    assert list(validate(yaml.safe_load(block[1])).methods) == ["baseline", "frequency_k3", "both", "audio_alone"]


def test_the_documented_study_is_valid():
    block = re.search(r"```yaml\n(name: study.*?)```", (DOCS / "lab.md").read_text(), re.DOTALL)
    study = validate(yaml.safe_load(block[1]))
    assert [point.folder for point in points.of(study)] == [
        f"{d}/train.batch_size={b}" for d in ("plain", "sum") for b in (32, 64)
    ]
    assert [(c.method, c.against, c.dataset) for c in study.primary] == [("half", "baseline", None), ("half", "quarter", "sum")]


def test_the_documented_model_is_valid():
    block = re.search(r"```yaml\n(model:.*?)```", (DOCS / "models.md").read_text(), re.DOTALL)
    model = validate({"name": "mine", "methods": {"baseline": []}} | yaml.safe_load(block[1])).model
    assert model.encoders["visual"].weights.name == "resnet18.pth"


@pytest.mark.parametrize("kinds", [encoders.BUILT_IN, fusions.BUILT_IN])
def test_the_page_of_models_names_every_kind(kinds):
    page = (DOCS / "models.md").read_text()
    assert [kind for kind in kinds if f"`{kind}`" not in page] == []
