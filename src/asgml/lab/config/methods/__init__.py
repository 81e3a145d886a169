"""The entries that a method may be made of: a new kind is one class here and its builder in `lab.training`."""

from asgml.lab.config.methods._adaptive import Adaptive, Auto, DualSignal
from asgml.lab.config.methods._base import ImportedMethod, MethodEntry
from asgml.lab.config.methods._controls import Alone, Longer, SoloSum, TrainOnSteer
from asgml.lab.config.methods._losses import Dgl, ModalityDropout, UnimodalLoss
from asgml.lab.config.methods._modulation import Boost, LearningRate, Noise, Ogm, OgmGe
from asgml.lab.config.methods._schedules import Frequency, Frozen, RandomSide, Staleness

Entry = (
    Frequency | Staleness | Adaptive | Auto | DualSignal | Ogm | OgmGe | Boost | Noise | LearningRate | UnimodalLoss | Dgl
    | ModalityDropout | Alone | SoloSum | Frozen | RandomSide | TrainOnSteer | Longer | ImportedMethod
)  # fmt: skip
BUILT_IN: dict[str, type[MethodEntry]] = {
    model.model_fields["kind"].default: model for model in Entry.__args__ if issubclass(model, MethodEntry)
}
"""Kind -> its model, in the order in which `asgml list methods` shows them."""

__all__ = [
    "BUILT_IN", "Adaptive", "Alone", "Auto", "Boost", "Dgl", "DualSignal", "Entry", "Frequency", "Frozen", "ImportedMethod",
    "LearningRate", "Longer", "MethodEntry", "ModalityDropout", "Noise", "Ogm", "OgmGe", "RandomSide", "SoloSum",
    "Staleness", "TrainOnSteer", "UnimodalLoss",
]  # fmt: skip
