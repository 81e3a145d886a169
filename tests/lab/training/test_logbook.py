"""What cannot be written down as a number is a divergence, said with its place."""

import pytest

from asgml.lab.training.logbook import Logbook
from asgml.lab.training.loop import Diverged


def test_a_score_that_is_not_finite_is_a_divergence(tmp_path):
    record = {"kind": "epoch", "epoch": 3, "test": {"accuracy": 0.1, "loss": float("nan")}}
    with Logbook(tmp_path, 0) as log, pytest.raises(Diverged, match=r"^test.loss is nan at epoch 3; a smaller train.lr"):
        log.write(record)
    assert (tmp_path / "metrics.jsonl").read_bytes() == b""
