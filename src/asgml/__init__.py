"""asgml finds the modality that is not pulling its weight while a multimodal model trains, and does something about it.

    balancer = Balancer({"audio": net.audio, "visual": net.visual}, recipes.frequency("audio", k=2))
    ...
    loss.backward()
    balancer.adjust(targets)
    optimizer.step()

Names resolve on first use, so that ``import asgml`` alone does not import torch.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asgml import interventions, monitors, policies, recipes
    from asgml._balancer import Balancer
    from asgml._fit_probe import LinearProbe, RidgeRegression, fit_probe, fit_ridge_probe
    from asgml._optimizers import parameter_groups
    from asgml._step import NotYetMeasured, Policy, Readings, Step
    from asgml.diagnosis import Diagnosis, diagnose
    from asgml.interventions import Intervention
    from asgml.monitors import Monitor
    from asgml.recipes import Recipe

__version__ = "0.1.0"
__all__ = [
    "Balancer",
    "Diagnosis",
    "Intervention",
    "LinearProbe",
    "Monitor",
    "NotYetMeasured",
    "Policy",
    "Readings",
    "Recipe",
    "RidgeRegression",
    "Step",
    "diagnose",
    "fit_probe",
    "fit_ridge_probe",
    "interventions",
    "monitors",
    "parameter_groups",
    "policies",
    "recipes",
]

_HOME = {
    "Balancer": "asgml._balancer",
    "Diagnosis": "asgml.diagnosis",
    "Monitor": "asgml.monitors",
    "Intervention": "asgml.interventions",
    "LinearProbe": "asgml._fit_probe",
    "NotYetMeasured": "asgml._step",
    "Policy": "asgml._step",
    "Readings": "asgml._step",
    "Recipe": "asgml.recipes",
    "RidgeRegression": "asgml._fit_probe",
    "Step": "asgml._step",
    "diagnose": "asgml.diagnosis",
    "fit_probe": "asgml._fit_probe",
    "fit_ridge_probe": "asgml._fit_probe",
    "parameter_groups": "asgml._optimizers",
}
_PACKAGES = {"monitors", "interventions", "policies", "recipes"}


def __getattr__(name: str) -> Any:
    if name == "Diagnostic":  # its name in version 0.1
        warnings.warn("asgml.Diagnostic is called asgml.Monitor now", DeprecationWarning, stacklevel=2)
        name = "Monitor"
    if name in _PACKAGES:
        return importlib.import_module(f"asgml.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'asgml' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
