"""What looks: each diagnostic gives one number per modality and update."""

from asgml.diagnostics._base import Derived, Diagnostic
from asgml.diagnostics._conflict import Conflict, ConflictShare
from asgml.diagnostics._difference import Difference
from asgml.diagnostics._gap import Gap
from asgml.diagnostics._grad_norm import GradNorm
from asgml.diagnostics._loss_descent import LossDescent
from asgml.diagnostics._multilabel_probe import MultilabelProbe
from asgml.diagnostics._probe import Probe
from asgml.diagnostics._ridge_probe import RidgeProbe
from asgml.diagnostics._score import Score
from asgml.diagnostics._smoothed import Smoothed
from asgml.diagnostics._speed import Speed
from asgml.diagnostics._validation_probe import ValidationProbe
from asgml.diagnostics._weight_drift import WeightDrift

__all__ = [
    "Conflict",
    "ConflictShare",
    "Derived",
    "Diagnostic",
    "Difference",
    "Gap",
    "GradNorm",
    "LossDescent",
    "MultilabelProbe",
    "Probe",
    "RidgeProbe",
    "Score",
    "Smoothed",
    "Speed",
    "ValidationProbe",
    "WeightDrift",
]
