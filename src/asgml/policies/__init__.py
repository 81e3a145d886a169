"""What decides: (step index, readings) -> one setting per modality. Pure, without memory; a function does as well."""

from asgml.policies._base import Together
from asgml.policies._between import Between
from asgml.policies._boost import Boost
from asgml.policies._by_gap import FrequencyByGap, ScaleByGap, StalenessByGap
from asgml.policies._by_speed import FrequencyBySpeed, StalenessBySpeed
from asgml.policies._ogm import Ogm
from asgml.policies._random_side import RandomSide
from asgml.policies._schedule import Constant, EveryK, OneIn

__all__ = [
    "Between",
    "Boost",
    "Constant",
    "EveryK",
    "FrequencyByGap",
    "FrequencyBySpeed",
    "Ogm",
    "OneIn",
    "RandomSide",
    "ScaleByGap",
    "StalenessByGap",
    "StalenessBySpeed",
    "Together",
]
