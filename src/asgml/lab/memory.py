"""What a process has held of the machine's memory, and whether the system had to end some for want of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

PROCESS, MACHINE = Path("/proc/self/status"), Path("/proc/vmstat")


def peak() -> int:
    """Return the most memory that this process has held at once, in bytes; a forked one counts what it shares, too."""
    if found := _number(PROCESS, r"VmHWM:\s+(\d+) kB"):
        return found * 1024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def kills() -> int:
    """Return how many processes this machine has ended for want of memory since it started; 0 where it does not say."""
    return _number(MACHINE, r"oom_kill (\d+)") or 0


def lacked(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the host or a device."""
    said = isinstance(error, RuntimeError) and "allocate memory" in str(error)
    return said or isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _number(path: Path, pattern: str) -> int | None:
    try:
        found = re.search(pattern, path.read_text())
    except OSError:
        return None
    return int(found[1]) if found else None
