"""Where a cell trains, and in which precision."""

import pytest
import torch

import small
from asgml.lab.config import Model
from asgml.lab.errors import InputError
from asgml.lab.models.late_fusion import LateFusion
from asgml.lab.training import cell as cells
from asgml.lab.training.device import Mixed, device_of, place

GPU = torch.cuda.is_available()


def train(**settings):
    return small.cell(**settings).train


@pytest.mark.skipif(GPU, reason="there is a GPU")
def test_without_a_gpu():
    assert device_of(train(device="auto")) == device_of(train()) == torch.device("cpu")
    with pytest.raises(InputError, match=r"`train.device`: must be cpu or auto on a machine without a CUDA GPU, found cuda"):
        device_of(train(device="cuda"))


def test_on_a_cpu_mixed_precision_and_auto_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    logs = []
    for settings in ({}, {"device": "auto", "amp": True}):
        folder = small.lay_out(tmp_path / str(len(logs)), small.cell(epochs=1, look="chosen", **settings))
        cells.train(folder)
        logs.append(small.log(folder))
    assert logs[0] == logs[1]
    assert logs[0][0]["device"] == "cpu"


def test_an_encoder_in_mixed_precision_hands_over_float32():
    torch.manual_seed(0)
    plain = torch.nn.Linear(8, 4)
    mixed, x = Mixed(plain, "cpu"), torch.randn(3, 8)
    feature = mixed(x)
    assert feature.dtype == torch.float32
    assert torch.equal(feature, plain.bfloat16()(x.bfloat16()).float()), "bfloat16 within"
    assert not torch.equal(feature, plain.float()(x))
    feature.sum().backward()
    assert plain.weight.grad.dtype == torch.float32


def test_only_a_gpu_makes_encoders_mixed():
    model = LateFusion({"audio": torch.randn(2, 1, 4, 4)}, Model(feature_dim=4), 3, 0)
    place(model, torch.device("cpu"), amp=True)
    assert not any(isinstance(part, Mixed) for part in model.modules())


@pytest.mark.skipif(not GPU, reason="needs a GPU")
@pytest.mark.parametrize("amp", [False, True])
def test_a_cell_on_a_gpu_is_a_function_of_its_config(tmp_path, amp):
    entries, logs = [{"frequency": {"modality": "audio", "k": 2}}, {"ogm": {"alpha": 0.3}}], []
    for n in range(2):
        folder = small.lay_out(tmp_path / str(n), small.cell(entries, device="cuda", amp=amp, steer=0.2))
        cells.train(folder)
        logs.append(small.log(folder))
    assert logs[0] == logs[1]
