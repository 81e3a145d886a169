"""The lab: data sets, encoders, the training loop, sweeps, statistics, reports and the command line (extra ``[lab]``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asgml.lab.training.weights import load_model as load_model

__all__ = ["load_model"]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is asked for."""
    if name == "load_model":
        from asgml.lab.training import weights

        return weights.load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
