"""Seeds -> mean, spread, interval, paired difference, test: pure functions over plain numbers; None where n cannot say."""

from asgml.lab.statistics._bootstrap import clustered
from asgml.lab.statistics._describe import LEVEL, Estimate, Interval, estimate, mean, paired, sd, t_interval
from asgml.lab.statistics._sign_flip import MOST, holm, seeds_needed, sign_flip, smallest_p
from asgml.lab.statistics._trend import noise_floor, slope, slopes

__all__ = [
    "LEVEL", "MOST", "Estimate", "Interval", "clustered", "estimate", "holm", "mean", "noise_floor", "paired", "sd",
    "seeds_needed", "sign_flip", "slope", "slopes", "smallest_p", "t_interval",
]  # fmt: skip
