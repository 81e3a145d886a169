"""The name that `asgml.monitors` had in version 0.1; it goes in version 0.3."""

import warnings

from asgml.monitors import *  # noqa: F403
from asgml.monitors import Monitor as Diagnostic
from asgml.monitors import __all__ as _names

__all__ = [*_names, "Diagnostic"]

warnings.warn("asgml.diagnostics is called asgml.monitors now, and Diagnostic is Monitor", DeprecationWarning, stacklevel=2)
