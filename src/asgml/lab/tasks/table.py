"""The task of a data set."""

from __future__ import annotations

import torch

from asgml.lab.datasets._base import Data
from asgml.lab.errors import InputError
from asgml.lab.tasks._base import Task
from asgml.lab.tasks.classification import Classification
from asgml.lab.tasks.multilabel import Multilabel
from asgml.lab.tasks.regression import Regression, is_sentiment


def of(data: Data) -> Task:
    """Return the task that its labels are.

    Raises:
        InputError: a split cannot be scored.
    """
    task = _made(data)
    for split in ("train", "validation", "test"):
        if words := task.problem(torch.from_numpy(getattr(data, split).labels)):
            raise InputError(f"`dataset`: the {split} split cannot be scored: {words}; split anew, or give more samples")
    return task


def _made(data: Data) -> Task:
    if data.task == "classification":
        return Classification(len(data.classes))
    if data.task == "multilabel":
        return Multilabel(len(data.classes))
    targets = torch.from_numpy(data.train.labels)
    return Regression(targets[:1].numel(), sentiment=is_sentiment(targets))
