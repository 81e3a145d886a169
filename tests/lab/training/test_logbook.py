"""What cannot be written down as a number is a divergence, said with its place."""

import pytest

from asgml.lab.errors import InputError
from asgml.lab.training.logbook import Logbook
from asgml.lab.training.loop import Diverged


def test_a_score_that_is_not_finite_is_a_divergence(tmp_path):
    record = {"kind": "epoch", "epoch": 3, "test": {"accuracy": 0.1, "loss": float("nan")}}
    with Logbook(tmp_path, 0) as log, pytest.raises(Diverged, match=r"^test.loss is nan at epoch 3; a smaller train.lr"):
        log.write(record)
    assert (tmp_path / "metrics.jsonl").read_bytes() == b""


LINES = b'{"kind": "header"}\n{"kind": "step", "step": 0}\n'


def test_a_log_that_is_longer_than_its_checkpoint_knows_is_cut(tmp_path):
    (tmp_path / "metrics.jsonl").write_bytes(LINES + b'{"kind": "step", "st')
    with Logbook(tmp_path, len(LINES)):
        pass
    assert (tmp_path / "metrics.jsonl").read_bytes() == LINES


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"metrics\.jsonl holds 0 of the 47 bytes that checkpoint\.pt stands for: lines were lost"),
        (LINES[:-5], "holds 42 of the 47 bytes"),
        (LINES.replace(b"\n", b" "), "no line that ends at the byte 47"),
        (b"\0" * (len(LINES) - 1) + b"\n", "a line that is no JSON"),
        (b"[" + b" " * (len(LINES) - 3) + b"]\n", "a line that is no record"),
    ],
)
def test_a_log_that_lost_lines_is_refused_and_never_filled_up(tmp_path, content, words):
    (tmp_path / "metrics.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=words):
        Logbook(tmp_path, len(LINES))
    assert (tmp_path / "metrics.jsonl").read_bytes() == content


def test_a_log_that_is_gone_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"remove the folder .*, and the same command trains the cell anew"):
        Logbook(tmp_path, 5)
