"""Rows as a manifest has them, made the inputs of a trained model: read, scaled and filled up as its training rows were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from asgml.lab.datasets._base import Raw
from asgml.lab.datasets.manifest import counting, decimals, hearing, reading
from asgml.lab.datasets.manifest.rows import FIXED
from asgml.lab.datasets.settings import Manifest
from asgml.lab.errors import InputError, did_you_mean
from asgml.lab.models.modal import Modal

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Reader:
    """How the rows of a data set are read: its settings, and what was learnt from its training rows."""

    settings: Manifest
    modalities: Sequence[str]
    """The data set's."""
    samples: Mapping[str, torch.Tensor]
    """Modality -> zeros (1, ...) as the model takes them: only its own modalities."""
    raw: Mapping[str, Raw] = field(default_factory=dict)

    def read(self, rows: Sequence[Mapping[str, Any]], folder: Path) -> Modal:
        """Return the inputs of these rows, and who has what. Raises InputError that names the row and the modality."""
        self._check(rows)
        found = {m: [self._read(m, row.get(m), folder, n) for n, row in enumerate(rows)] for m in self.samples}
        inputs, present = {}, {}
        for m, arrays in found.items():
            whole = np.zeros((len(rows), *self.samples[m].shape[1:]), dtype=self.samples[m].numpy().dtype)
            for n, x in enumerate(arrays):
                if x is not None:
                    whole[n][: len(x)] = x
            inputs[m], present[m] = torch.from_numpy(whole), torch.tensor([x is not None for x in arrays])
        return Modal(inputs, present)

    def _check(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            raise InputError("rows: must be one or more, found none")
        known = {*self.modalities, *FIXED, *self.settings.columns}
        for n, row in enumerate(rows):
            # a column that numbers rows may stand there, as it stood in the data set, and is not read
            if unknown := sorted(name for name in row.keys() - known if name and not counting.NAMES.fullmatch(name)):
                hint = did_you_mean(unknown[0], self.modalities)
                raise InputError(f"rows[{n}]: {unknown[0]!r} is no modality of the data set{hint}")
            if all(_lacks(row.get(m)) for m in self.samples):
                raise InputError(f"rows[{n}]: must have one of {', '.join(self.samples)}, found none")

    def _read(self, modality: str, cell: Any, folder: Path, n: int) -> Array | None:
        """Return a cell's input; None where the row lacks the modality."""
        if _lacks(cell):
            return None
        raw, shape = self.raw[modality], tuple(self.samples[modality].shape[1:])
        how = hearing.as_heard(self.settings, shape[-1]) if raw.kind == "audio" else self.settings
        try:
            found = cell if isinstance(cell, np.ndarray) else reading.read(raw.kind, self._plain(cell, raw.kind), folder, how)
        except reading.Bad as error:
            raise InputError(f"rows[{n}].{modality}: {error}") from error
        found = np.asarray(found, dtype=np.int64 if raw.kind == "text" else np.float32)
        filled = raw.kind == "array" and found.ndim > 1  # sequences may be shorter than the longest one
        if found.shape != shape and not (filled and found.shape[1:] == shape[1:] and len(found) <= shape[0]):
            least = " or fewer steps" * filled
            raise InputError(f"rows[{n}].{modality}: must have the shape {shape}{least}, found {found.shape}")
        if not np.isfinite(found).all():
            raise InputError(f"rows[{n}].{modality}: holds numbers that are infinite or none")
        return raw.scaled(found)

    def _plain(self, cell: Any, kind: str) -> Any:
        """Return a cell as the manifest's was read: without spaces around it, unless that was JSON, and with decimal points."""
        if isinstance(cell, str) and self.settings.path.suffix.lower() != ".jsonl":
            cell = cell.strip()
        return decimals.pointed(cell) if isinstance(cell, str) and kind == "vector" else cell


def _lacks(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())
