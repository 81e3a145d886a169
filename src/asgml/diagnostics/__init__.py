"""What looks: each diagnostic gives one number per modality and update."""

from asgml.diagnostics._base import Diagnostic
from asgml.diagnostics._grad_norm import GradNorm
from asgml.diagnostics._probe import Probe

__all__ = ["Diagnostic", "GradNorm", "Probe"]
