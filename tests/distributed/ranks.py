"""Two processes that stay, joined by gloo, and run what tests send them: starting them anew every time would take minutes."""

import multiprocessing
import pickle
import shutil
import tempfile
import traceback
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

WORLD = 2
PATIENCE = 60
"""Seconds; a process that waits for the other longer has been left alone."""


class RankFailed(AssertionError):
    """What a rank raised, with its traceback."""


class Ranks:
    """Sends work, a function of a module that both sides can import, to all ranks, and brings back what each returned."""

    def __init__(self):
        self._processes, self._pipes, self._folder = [], [], ""

    def run(self, work: Callable, *args: Any) -> list[Any]:
        """Return the ranks' results. A failure on any rank ends the processes; the next call starts new ones."""
        if not self._processes:
            self._start()
        for pipe in self._pipes:
            pipe.send_bytes(pickle.dumps((work, args)))
        answers = [_answer(pipe) for pipe in self._pipes]
        if failed := [f"rank {rank}: {answer}" for rank, (ok, answer) in enumerate(answers) if not ok]:
            self.stop()
            raise RankFailed("\n".join(failed))
        return [answer for _, answer in answers]

    def _start(self) -> None:
        spawn, self._folder = multiprocessing.get_context("spawn"), tempfile.mkdtemp()
        for rank in range(WORLD):
            here, there = spawn.Pipe()
            process = spawn.Process(target=_serve, args=(rank, f"{self._folder}/meeting", there), daemon=True)
            process.start()
            there.close()
            self._processes.append(process)
            self._pipes.append(here)

    def stop(self) -> None:
        """End the processes."""
        for process, pipe in zip(self._processes, self._pipes, strict=True):
            process.terminate()
            process.join()
            pipe.close()
        self._processes, self._pipes = [], []
        shutil.rmtree(self._folder, ignore_errors=True)


def _answer(pipe: Any) -> tuple[bool, Any]:
    try:
        return pickle.loads(pipe.recv_bytes()) if pipe.poll(PATIENCE) else (False, f"no answer in {PATIENCE} seconds")
    except EOFError:
        return False, "the process died"


def _serve(rank: int, meeting: str, pipe: Any) -> None:
    import torch
    import torch.distributed as dist

    warnings.simplefilter("error")
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=WORLD, timeout=timedelta(seconds=PATIENCE / 2)
    )
    while True:
        work, args = pickle.loads(pipe.recv_bytes())
        try:
            answer = (True, work(*args))
        except BaseException:  # a CheckpointException is no Exception
            answer = (False, traceback.format_exc())
        pipe.send_bytes(pickle.dumps(answer))
