"""Who is ahead, and by how much, where that is enough to act on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asgml._states import Saved
from asgml.monitors._base import Derived


@dataclass
class Gap(Derived):
    """A modality's lead over the weakest in the reading `of`, in its unit, where that lead is worth acting on; else 0.

    A modality is engaged once its lead exceeds `threshold`, and stays so until the lead falls below `release` (None: half the
    threshold), so that a lead that trembles about the threshold does not switch on and off. While engaged it reads the lead
    itself; the weakest always reads 0. Of a modality that an update leaves out, the last value counts.

    `of` should be smooth: `Probe` and `ValidationProbe` are, other monitors are made so by `Smoothed`.
    ASGML's utilisation gap is max - min with a threshold of 0.1 and without the second one.

    Raises ValueError for a threshold below 0, and a release that is not between 0 and the threshold.

    >>> from asgml.monitors import Gap
    >>> gap = Gap("probe", threshold=0.25)
    >>> [gap.derive(t, {"probe": {"audio": x, "visual": 0.5}})["audio"] for t, x in enumerate([0.625, 1.0, 0.625, 0.5])]
    [0.0, 0.5, 0.125, 0.0]
    """

    of: str
    threshold: float = 0.1
    release: float | None = None
    name: str = "gap"
    _latest: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)
    _engaged: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.reads = frozenset({self.of})
        if not self.threshold >= 0:
            raise ValueError(f"`threshold` must be at least 0, in the unit of {self.of!r}, found {self.threshold!r}")
        if self.release is not None and not 0 <= self.release <= self.threshold:
            raise ValueError(f"`release` must lie between 0 and the threshold, {self.threshold}, found {self.release!r}")

    @property
    def engaged(self) -> frozenset[str]:
        """The modalities that are ahead by enough."""
        return frozenset(self._engaged)

    def derive(self, index: int, readings: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
        """Return modality -> its lead while it is engaged, else 0, for all that were ever measured."""
        self._latest |= {m: value for m, value in readings[self.of].items() if math.isfinite(value)}
        weakest = min(self._latest.values(), default=0.0)
        leads = {m: value - weakest for m, value in self._latest.items()}
        self._engaged = {m for m, lead in leads.items() if self._holds(m, lead)}
        return {m: lead if m in self._engaged else 0.0 for m, lead in leads.items()}

    def _holds(self, modality: str, lead: float) -> bool:
        release = self.threshold / 2 if self.release is None else self.release
        return lead > self.threshold or (modality in self._engaged and lead >= release)

    def state_dict(self) -> dict[str, Any]:
        """Return the last values, and who is engaged."""
        return {"latest": dict(self._latest), "engaged": sorted(self._engaged)}

    def check_state(self, saved: Saved) -> None:
        """Refuse what are no readings."""
        saved.at("engaged").names(saved.at("latest").mapping())
        for _, value in saved.at("latest").named():
            value.number()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take both over."""
        self._latest, self._engaged = dict(state["latest"]), set(state["engaged"])
