"""What a trained model made of its modalities, and which of them is in trouble."""

from asgml.diagnosis._bootstrap import Estimate
from asgml.diagnosis._diagnose import diagnose
from asgml.diagnosis._diagnosis import Diagnosis, Verdict

__all__ = ["Diagnosis", "Estimate", "Verdict", "diagnose"]
