"""What decides: (step index, readings) -> one setting per modality. Pure, without memory; a function does as well."""

from asgml.policies._base import Together
from asgml.policies._between import Between
from asgml.policies._boost import Boost
from asgml.policies._ogm import Ogm
from asgml.policies._schedule import Constant, EveryK, OneIn

__all__ = ["Between", "Boost", "Constant", "EveryK", "Ogm", "OneIn", "Together"]
