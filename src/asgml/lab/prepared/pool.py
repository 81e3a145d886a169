"""Reads clips in processes of their own: a decoder that hangs or dies costs one clip, not the preparation."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import TimeoutError as Late
from itertools import islice
from typing import Any

from asgml.lab.errors import InputError
from asgml.lab.media.failures import Reason
from asgml.lab.prepared.clip import Clip, Problem, Read
from asgml.lab.prepared.settings import Reading

PATIENCE = 60.0
"""Seconds for one clip."""
AHEAD = 4
"""Clips that may wait per process, so that memory stays small."""

Result = tuple[Clip, Read | list[Problem]]


def read_all(clips: Iterable[Clip], reading: Reading, jobs: int, patience: float = PATIENCE) -> Iterator[Result]:
    """Yield every clip with its arrays or its problems, in order; `jobs` processes read."""
    pebble = _pebble()
    todo, waiting = iter(clips), deque[tuple[Clip, Any]]()
    with pebble.ProcessPool(max_workers=jobs, context=_context()) as pool:
        try:
            while True:
                for clip in islice(todo, jobs * AHEAD - len(waiting)):
                    waiting.append((clip, pool.schedule(_read, args=(clip, reading), timeout=patience)))
                if not waiting:
                    return
                clip, future = waiting.popleft()
                yield clip, _result(clip, future, pebble.ProcessExpired, patience)
        finally:
            pool.stop()


def _context() -> Any:
    """Return how processes start: forked from one that has imported what they need, where the system can do that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["asgml.lab.prepared.reading", "av", "PIL.Image"])
    return context


def _read(clip: Clip, reading: Reading) -> Read | list[Problem]:
    from asgml.lab.prepared.reading import read

    return read(clip, reading)


def _result(clip: Clip, future: Any, expired: type[Exception], patience: float) -> Read | list[Problem]:
    try:
        found: Read | list[Problem] = future.result()
    except Late:
        return [_gave_up(clip, f"it was not decoded within {patience:g} s")]
    except expired as error:
        return [_gave_up(clip, f"the decoder's process ended: {error}")]
    except InputError:
        raise
    except Exception as error:  # whatever a decoder throws at a damaged file is that file's, not the others'
        return [_gave_up(clip, f"{type(error).__name__}: {error}")]
    return found


def _gave_up(clip: Clip, detail: str) -> Problem:
    modalities, files = "+".join(clip.files), "+".join(path.name for path in clip.files.values())
    return Problem(clip.id, modalities, files, str(Reason.GAVE_UP), detail)


def _pebble() -> Any:
    try:
        import pebble
    except Exception as error:  # a broken installation fails in many ways
        raise InputError(f"preparing media needs pebble (found: {error}); pip install 'asgml[media]'") from error
    return pebble
