"""What looks: each monitor gives one number per modality and update."""

from asgml.monitors._base import Derived, Monitor
from asgml.monitors._conflict import Conflict, ConflictShare
from asgml.monitors._difference import Difference
from asgml.monitors._gap import Gap
from asgml.monitors._grad_norm import GradNorm
from asgml.monitors._loss_descent import LossDescent
from asgml.monitors._multilabel_probe import MultilabelProbe
from asgml.monitors._probe import Probe
from asgml.monitors._ridge_probe import RidgeProbe
from asgml.monitors._score import Score
from asgml.monitors._smoothed import Smoothed
from asgml.monitors._speed import Speed
from asgml.monitors._validation_probe import ValidationProbe
from asgml.monitors._weight_drift import WeightDrift

__all__ = [
    "Conflict",
    "ConflictShare",
    "Derived",
    "Difference",
    "Gap",
    "GradNorm",
    "LossDescent",
    "Monitor",
    "MultilabelProbe",
    "Probe",
    "RidgeProbe",
    "Score",
    "Smoothed",
    "Speed",
    "ValidationProbe",
    "WeightDrift",
]
