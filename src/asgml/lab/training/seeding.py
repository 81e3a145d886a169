"""Randomness derived from what it is for, never from a running generator: resume and `--jobs` change no bit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive(*purpose: str | int) -> int:
    """Return the 63-bit seed of a purpose, such as `derive(seed, "order", epoch)`."""
    return int.from_bytes(hashlib.sha256(repr(purpose).encode()).digest()[:8], "little") >> 1


@contextmanager
def seeded(*purpose: str | int) -> Iterator[None]:
    """Run the body with torch's generator at the purpose's seed, and put the generator back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(*purpose))
        yield


def order(rows: int, batch_size: int, *purpose: str | int, least: int = 2) -> list[torch.Tensor]:
    """Return the shuffled row numbers of every batch; a last batch of fewer than `least` rows joins the one before."""
    shuffled = torch.randperm(rows, generator=torch.Generator().manual_seed(derive(*purpose)))
    batches = list(torch.split(shuffled, batch_size))
    if len(batches) > 1 and len(batches[-1]) < least:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches
