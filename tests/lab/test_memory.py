"""What a process holds, and what the system says of those that it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgml.lab import memory


def test_the_peak_stays_when_the_memory_is_given_back() -> None:
    before = memory.peak()
    held = bytearray(b"1") * (before + 2**26)
    assert memory.peak() >= len(held)
    del held
    assert memory.peak() >= before + 2**26
    assert 2**23 < before < 2**40, "bytes"


def test_the_count_of_kills_is_the_system_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory.kills() >= 0
    (tmp_path / "vmstat").write_text("nr_free_pages 12\noom_kill 7\nswap_ra 0\n")
    monkeypatch.setattr(memory, "MACHINE", tmp_path / "vmstat")
    assert memory.kills() == 7
    monkeypatch.setattr(memory, "MACHINE", tmp_path / "nowhere")
    assert memory.kills() == 0


def test_errors_that_mean_too_little_memory() -> None:
    device = type("OutOfMemoryError", (RuntimeError,), {})
    assert all(map(memory.lacked, (MemoryError(), device("CUDA out of memory"), RuntimeError("you can't allocate memory"))))
    assert not any(map(memory.lacked, (RuntimeError("shapes differ"), ValueError("allocate memory"))))
