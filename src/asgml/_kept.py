"""What is left of a Balancer in a copy or a file: its memory, without the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgml._balancer import Balancer
from asgml._left_out import LeftOut
from asgml._present import Given
from asgml._step import Readings
from asgml._taps import Taps


class KeptBalancer(Balancer):
    """A Balancer that was copied or read from a file: what it counted and measured can be read, and nothing is watched.

    Its encoders and parts stay behind: a copy of them would be a second model, or a whole data set, that nobody asked for. To
    go on with a copied model make a Balancer on that, and hand the memory over: `new.load_state_dict(copied.state_dict())`.
    """

    def __init__(self, state: Mapping[str, Any], seen: Mapping[str, Any], summary: str, text: str):
        self.measure = self.act = ()
        self.params = {m: {} for m in state["tally"]}
        self.index, self.nonfinite, self.tally = state["index"], state["nonfinite"], state["tally"]
        self.left_out = LeftOut(state["left_out"])
        self.readings = Readings(state["readings"], awaited=seen["awaited"], modalities=self.params)
        self.skipped, self.held = frozenset(seen["skipped"]), frozenset(seen["held"])
        self._state, self._seen_then, self._summary, self._text = state, seen, summary, text
        self._taps: Taps = Taps({}, {}, {}, None)
        self._taps.end("it is a copy, or was read from a file, and its encoders stayed behind")
        self._hooked, self._given = {}.keys(), Given(self.params)

    @property
    def skipping(self) -> frozenset[str]:
        """Who was to be skipped in the step that came next."""
        return frozenset(self._state["skipping"])

    def state_dict(self) -> dict[str, Any]:
        """Return all memory, as it was when the copy was made."""
        return dict(self._state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Refuse: there is nothing that could go on."""
        self._taps.check_watching()

    def summary(self) -> str:
        """Say in words what every modality had got by then."""
        return self._summary

    def __reduce__(self) -> tuple[Any, ...]:
        return KeptBalancer, (self._state, self._seen_then, self._summary, self._text)

    def __repr__(self) -> str:
        return f"copy of {self._text}"


def kept(balancer: Any) -> tuple[Any, ...]:
    """Return what `copy` and `pickle` make a KeptBalancer of."""
    seen = {"awaited": sorted(balancer.readings.awaited), "skipped": sorted(balancer.skipped), "held": sorted(balancer.held)}
    return KeptBalancer, (balancer.state_dict(), seen, balancer.summary(), repr(balancer))
