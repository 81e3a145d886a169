"""Every built-in experiment is valid, and the documentation's experiment too."""

import re
from pathlib import Path

import pytest
import yaml

from asgml.lab.config import points
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
