"""The programs of the page on several processes run on two ranks as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

import on_fsdp
import torch

PAGE = Path(__file__).parents[2] / "docs" / "hosts" / "distributed.md"
DDP, *FSDP = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
SEEN = """
import os
torch.save((dict(readings), balancer.tally), "seen-" + os.environ["RANK"] + ".pt")
"""


def check(seen):
    assert seen[0] == seen[1], "the ranks saw and decided the same"
    readings, tally = seen[0]
    assert {name: set(values) for name, values in readings.items()} == {"grad_norm": {"visual"}, "probe": {"audio", "visual"}}
    assert tally["audio"] == {"updated": 4, "skipped": 4, "held": 0}
    assert tally["visual"] == {"updated": 7, "skipped": 0, "held": 1}


def test_the_program_for_ddp_runs_under_torchrun(tmp_path):
    (tmp_path / "train.py").write_text(DDP + SEEN)
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "train.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    check([torch.load(tmp_path / f"seen-{rank}.pt", weights_only=True) for rank in range(2)])


def test_the_programs_for_fsdp_run_one_after_the_other(ranks, tmp_path):
    """In processes that stay: where a program has used torch's checkpoints with gloo, torch 2.13 may abort at its very exit."""
    assert len(FSDP) == 2
    check(ranks.run(on_fsdp.program, "".join(FSDP), str(tmp_path)))
