"""Catalogues: a public file is one part, an installed package adds parts, and what is written is what is read."""

import importlib
import sys

import pytest
import torch

from asgml.lab.config.load import validate
from asgml.lab.encoders import ENCODERS
from asgml.lab.errors import InputError
from asgml.lab.fusions import FUSIONS
from asgml.lab.fusions._module import build_fusion
from asgml.lab.methods import METHODS
from asgml.lab.parts.catalogue import Catalogue

CATALOGUES = [ENCODERS, FUSIONS, METHODS]
WRITTEN = ["film", {"film": {"conditioned": "audio"}}, {"cross_attention": {"tokens": 2, "heads": 1}}]
MINE = '''
from typing import Literal
from asgml.lab.fusions import Fusion

class Mean(Fusion):
    """The mean of all features, one linear layer."""
    kind: Literal["mean"] = "mean"
    times: int = 1

    def modules(self, modalities, feature_dim, classes):
        from torch import nn
        return {"head": nn.Linear(feature_dim, classes)}

    def logits(self, modules, features):
        return self.times * modules.head(sum(features.values()) / len(features))
'''


def experiment(fusion):
    return validate({"name": "mine", "methods": {"baseline": []}, "model": {"fusion": fusion}})


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Put a package with a fusion of its own, and the entry point that names it, on the path."""
    (tmp_path / "asgml_mine").mkdir()
    (tmp_path / "asgml_mine" / "__init__.py").write_text(MINE)
    about = tmp_path / "asgml_mine-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: asgml-mine\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[asgml.fusions]\nmean = asgml_mine:Mean\nwrong = asgml_mine:Literal\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    monkeypatch.setattr(FUSIONS, "_found", {})
    monkeypatch.setattr(FUSIONS, "installed", Catalogue.installed.func(FUSIONS))
    yield
    sys.modules.pop("asgml_mine", None)


@pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda c: c.noun)
def test_every_public_file_is_one_part_named_as_the_file(catalogue):
    assert len(catalogue.built_in) >= 5
    for kind in catalogue.built_in:
        part = catalogue[kind]
        assert part.model_fields["kind"].default == kind
        assert part.__doc__
        assert part.__module__ == f"{catalogue.package}.{kind}"


def test_a_file_with_two_parts_or_none_is_refused():
    for module, found in (("asgml.lab.fusions._module", r"\[\]"), ("asgml.lab.errors", r"\[\]")):
        with pytest.raises(TypeError, match=f"must define one Fusion, found {found}"):
            FUSIONS.part_of(importlib.import_module(module))


@pytest.mark.parametrize("written", WRITTEN)
def test_what_is_written_is_read_and_dumped(written):
    """Without `SerializeAsAny` a part's own settings would be lost here."""
    made = experiment(written)
    plain = {"film": {"film": {"conditioned": None}}}.get(written) if isinstance(written, str) else written
    assert made.model_dump(mode="json")["model"]["fusion"] == plain
    assert experiment(plain) == made
    assert type(made).model_validate(made.model_dump(by_alias=True)) == made


def test_a_package_adds_a_fusion(package):
    made = experiment({"mean": {"times": 3}})
    assert made.model_dump(mode="json")["model"]["fusion"] == {"mean": {"times": 3}}
    module = build_fusion(made.model.fusion, ("audio", "visual"), 4, 2)
    x = {"audio": torch.ones(5, 4), "visual": torch.zeros(5, 4)}
    assert torch.allclose(module(x), 3 * module.head(torch.full((5, 4), 0.5)))
    assert "mean" in [*FUSIONS]
    with pytest.raises(InputError, match=r"`model.fusion.mean.times`: must be a whole number, found 'x'"):
        experiment({"mean": {"times": "x"}})
    with pytest.raises(InputError, match=r"`model.fusion.mean.time`: unknown setting; did you mean 'times'"):
        experiment({"mean": {"time": 3}})
    with pytest.raises(TypeError, match=r"entry point 'wrong' of asgml.fusions must be a Fusion"):
        FUSIONS["wrong"]


def test_ones_own_fusion_by_import(package):
    made = experiment({"import": "asgml_mine:Mean", "times": 2})
    assert made.model_dump(mode="json", by_alias=True)["model"]["fusion"] == {"import": "asgml_mine:Mean", "times": 2}
    module = build_fusion(made.model.fusion, ("audio", "visual"), 4, 2)
    x = {"audio": torch.ones(5, 4), "visual": torch.zeros(5, 4)}
    assert torch.allclose(module(x), 2 * module.head(torch.full((5, 4), 0.5)))
    for wrong, words in (
        ({"import": "asgml_mine:Literal"}, "must be a class that extends Fusion"),
        ({"import": "asgml_mine:Mean", "time": 2}, "`model.fusion.time`: Extra inputs"),
        ({"import": "asgml_mine:Nothing"}, "has no 'Nothing'"),
    ):
        with pytest.raises(InputError, match=words):
            build_fusion(experiment(wrong).model.fusion, ("audio", "visual"), 4, 2)
