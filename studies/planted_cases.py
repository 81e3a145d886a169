"""Models whose truth is planted, for `calibrate_diagnosis.py`.

A case is a data set's knobs, a modality that something is done to, and the verdict that it must get; every other modality must
be called balanced. Sets `a` and `b` are what rules were set on; `c` has other knobs between theirs, and avdigits; `d` has what
none of them has. `c` and `d` are only counted.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """What is planted."""

    part: str
    truth: str
    victim: str | None
    dataset: dict[str, Any] = field(default_factory=dict)
    entries: tuple[dict[str, Any], ...] = ()
    head: float = 1.0
    """What the head's weights on the victim's feature are multiplied by after training."""

    @property
    def name(self) -> str:
        """In words."""
        knobs = ", ".join(f"{k} {v}" for k, v in self.dataset.items() if k not in ("name", "root"))
        done = [f"{kind} {' '.join(f'{k} {v}' for k, v in e.items())}" for entry in self.entries for kind, e in entry.items()]
        head = [f"head x {self.head:g}"] if self.head != 1 else []
        return f"{self.dataset.get('name', 'keypad')}: {'; '.join([knobs or 'defaults', *done, *head])}"


def slow(m: str) -> tuple[dict[str, Any], ...]:
    """The encoder's learning rate x 0.01."""
    return ({"learning_rate": {"modality": m, "factor": 0.01}},)


def frozen(m: str, after: int) -> tuple[dict[str, Any], ...]:
    """The encoder stops learning."""
    return ({"frozen": {"modality": m, "after": after}},)


def hidden(m: str) -> tuple[dict[str, Any], ...]:
    """The encoder learns by a loss of its own; the fusion never sees its feature."""
    return ({"unimodal_loss": {"gamma": 1}}, {"modality_dropout": {"modality": m, "p": 0.999}})


LEFT, POOR, NONE, HEART, IGNORED = "left behind", "poor data", "no information", "memorises", "ignored"
AV = {"name": "avdigits", "train_size": 1200}
AV2 = {"name": "avdigits", "train_size": 1000, "snr_db": -1, "image_noise": 0.35}
THREE = {"third_modality": True}
FEW, EASY = {"train_size": 400}, {"snr_db": -3, "image_noise": 0.1}
AV3 = {"name": "avdigits", "train_size": 2000, "snr_db": 3, "image_noise": 0.2}
CASES = (
    Case("a", "balanced", None),
    Case("a", "balanced", None, {"snr_db": -6, "image_noise": 0.25}),
    Case("a", LEFT, "audio", {}, slow("audio")),
    Case("a", LEFT, "visual", {}, frozen("visual", 0)),
    Case("a", POOR, "visual", {"image_noise": 0.8}),
    Case("a", POOR, "audio", {"wrong_share": {"audio": 0.5}}),
    Case("a", NONE, "visual", {"wrong_share": {"visual": 1.0}}),
    Case("a", HEART, "visual", {"train_size": 60, "tones_per_image": 18}),
    Case("a", IGNORED, "audio", {}, hidden("audio"), head=0.0),
    Case("b", "balanced", None, {"snr_db": -7.5, "image_noise": 0.3}),
    Case("b", "balanced", None, {"snr_db": -9, "image_noise": 0.4}),
    Case("b", LEFT, "visual", {"snr_db": -7.5, "image_noise": 0.3}, slow("visual")),
    Case("b", LEFT, "audio", {"snr_db": -7.5, "image_noise": 0.3}, frozen("audio", 1)),
    Case("b", POOR, "audio", {"snr_db": -14, "image_noise": 0.35}),
    Case("b", POOR, "visual", {"snr_db": -7, "image_noise": 0.7}),
    Case("b", NONE, "audio", {"snr_db": -40}),
    Case("b", HEART, "visual", {"train_size": 40, "tones_per_image": 25}),
    Case("b", IGNORED, "visual", {"snr_db": -7.5, "image_noise": 0.3}, hidden("visual"), head=0.1),
    Case("b", "balanced", None, AV),
    Case("b", LEFT, "visual", AV, slow("visual")),
    Case("b", POOR, "audio", {**AV, "snr_db": -12}),
    Case("b", NONE, "visual", {**AV, "image_noise": 10}),
    Case("c", "balanced", None, {"snr_db": -8, "image_noise": 0.32}),
    Case("c", LEFT, "audio", {"snr_db": -8, "image_noise": 0.32}, slow("audio")),
    Case("c", LEFT, "visual", {"snr_db": -8, "image_noise": 0.32}, frozen("visual", 1)),
    Case("c", IGNORED, "audio", {"snr_db": -8, "image_noise": 0.32}, hidden("audio"), head=0.1),
    Case("c", POOR, "audio", {"snr_db": -8, "image_noise": 0.32, "wrong_share": {"audio": 0.35}}),
    Case("c", POOR, "visual", {"snr_db": -8, "image_noise": 0.6}),
    Case("c", NONE, "visual", {"snr_db": -8, "image_noise": 8}),
    Case("c", HEART, "visual", {"snr_db": -8, "image_noise": 0.32, "train_size": 50, "tones_per_image": 20}),
    Case("c", "balanced", None, AV2),
    Case("c", LEFT, "audio", AV2, slow("audio")),
    Case("c", POOR, "visual", {**AV2, "image_noise": 0.8}),
    Case("c", NONE, "audio", {**AV2, "snr_db": -40}),
    Case("d", "balanced", None, THREE),
    Case("d", LEFT, "text", THREE, slow("text")),
    Case("d", LEFT, "audio", THREE, frozen("audio", 0)),
    Case("d", POOR, "text", {**THREE, "wrong_share": {"text": 0.5}}),
    Case("d", NONE, "visual", {**THREE, "image_noise": 10}),
    Case("d", IGNORED, "text", THREE, hidden("text"), head=0.1),
    Case("d", "balanced", None, FEW),
    Case("d", LEFT, "visual", FEW, slow("visual")),
    Case("d", "balanced", None, EASY),
    Case("d", LEFT, "audio", EASY, frozen("audio", 0)),
    Case("d", HEART, "audio", {"train_sounds": 100}),
    Case("d", "balanced", None, AV3),
    Case("d", LEFT, "visual", AV3, slow("visual")),
)
