"""How many updates are too few to say anything of a model."""

from __future__ import annotations

FEW = 100
"""Updates below which a model has hardly begun to learn; `asgml.diagnose` has the same bound."""


def planned(samples: int, batch_size: int, epochs: int) -> str | None:
    """What to say before a cell trains on so many samples, None where its updates are not few."""
    updates = -(-samples // batch_size) * epochs
    if updates >= FEW or not samples:
        return None
    made = f"{samples} training samples in batches of {batch_size} for {epochs} epochs are {updates} updates"
    return f"{made}: too few to learn much, or for a verdict; raise train.epochs or lower train.batch_size"


def made(updates: int) -> str:
    """What to say of runs of which none made more updates than this."""
    return f"No run made more than {updates} updates: too few to learn much, or for a verdict on a method or a modality."
