"""The chosen epoch's model, loaded from one file: what it says is what was kept, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import asgml.lab
import small
from asgml.lab import datasets
from asgml.lab.config import Model
from asgml.lab.errors import InputError
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training import cell as cells
from asgml.lab.training import weights
from asgml.lab.training.device import Mixed
from asgml.lab.training.evaluation import Samples

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "an answer in the fusion's place, looked at afterwards": {"entries": [{"solo_sum": {}}], "look": "chosen"},
    "own heads": {"entries": [{"dgl": {}}]},
    "one modality": {"entries": [{"alone": {"modality": "visual"}}]},
    "text": {"dataset": {"third_modality": True}},
}


@pytest.mark.parametrize("case", CASES)
def test_the_loaded_model_says_what_was_kept(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = small.cell(**CASES[case], epochs=1)
    folder = small.lay_out(tmp_path / "cell", wanted)
    cells.train(folder)
    data = datasets.load(wanted.dataset, wanted.seed)
    monkeypatch.setattr(datasets, "load", None)  # no data is read
    model = asgml.lab.load_model(folder)
    assert (model.cell, model.classes, model.training) == (wanted, data.classes, False)
    with np.load(folder / "predictions.npz") as kept, torch.no_grad():
        for split in ("validation", "test"):
            inputs, _ = Samples.of(getattr(data, split), data.modalities).rows(slice(None))
            assert np.array_equal(model(inputs).numpy(), kept[f"{split}_logits"])


def test_without_it_one_line_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found none in .*; `keep: best` writes it"):
        asgml.lab.load_model(str(tmp_path))


def test_mixed_precision_leaves_no_mark_in_the_names() -> None:
    model = LateFusion({"audio": torch.zeros(1, 1, 8, 8), "visual": torch.zeros(1, 1, 8, 8)}, Model(feature_dim=4), 3, 0)
    names = list(model.state_dict())
    model.encoders["audio"] = Mixed(model.encoders["audio"], "cpu")
    assert list(model.state_dict()) != names
    assert list(weights._unmixed(model)) == names
