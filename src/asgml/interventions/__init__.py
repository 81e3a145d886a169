"""What acts: edits gradients in place, or asks that a modality be skipped."""

from asgml.interventions._base import Intervention
from asgml.interventions._delay import Delay
from asgml.interventions._noise import Noise
from asgml.interventions._ogm_ge import OgmGe
from asgml.interventions._record import Record
from asgml.interventions._scale import Scale
from asgml.interventions._skip import Skip

__all__ = ["Delay", "Intervention", "Noise", "OgmGe", "Record", "Scale", "Skip"]
