"""Every built-in experiment is valid, and the documentation's experiment too."""

import re
from pathlib import Path

import pytest
import yaml

from asgml.lab.config import points
from asgml.lab.config.load import built_in, load_experiment, validate
from asgml.lab.encoders import ENCODERS
from asgml.lab.fusions import FUSIONS

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


@pytest.mark.parametrize("kinds", [ENCODERS, FUSIONS])
def test_the_page_of_models_names_every_kind(kinds):
    page = (DOCS / "models.md").read_text()
    assert [kind for kind in kinds if f"`{kind}`" not in page] == []


def test_the_plain_twin_differs_by_gamma_alone():
    one, plain = (load_experiment(name, []) for name in ("cremad_phase1", "cremad_phase1_plain"))
    assert (one.train.unimodal_loss, plain.train.unimodal_loss) == (4, 0)
    assert one.model_copy(update={"name": plain.name, "train": plain.train}) == plain
    assert one.train.model_copy(update={"unimodal_loss": 0}) == plain.train


def test_backbones_are_seen_with_and_without_augmentation():
    found = [point.experiment for point in points.of(load_experiment("visual_backbones", []))]
    assert [(e.model.encoders["visual"].kind, e.train.augment is None) for e in found] == [
        (kind, plain) for kind in ("resnet18", "vit", "efficientnet") for plain in (True, False)
    ]
