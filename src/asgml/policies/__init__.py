"""What decides: (step index, readings) -> one setting per modality. Pure, without memory; a function does as well."""

from asgml.policies._base import Together
from asgml.policies._schedule import Constant, EveryK, OneIn

__all__ = ["Constant", "EveryK", "OneIn", "Together"]
