"""Normal numbers for gradients: one stream per modality, the same on every rank."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from asgml._ranks import placed
from asgml._states import Saved

WIDE = (torch.float32, torch.float64, torch.complex64, torch.complex128)
FLOOR = 1e-8
"""Added to every standard deviation."""


class Normal:
    """One generator per modality, keyed by its name, so that neither order nor number of modalities changes what each gets.

    A generator is made on the device where its modality's first gradient lies. Ranks that train together draw the same.
    """

    def __init__(self, purpose: str, seed: int):
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ValueError(f"`seed` must be an integer, found {seed!r}")
        self._purpose, self._seed = purpose, seed
        self._made: dict[str, torch.Generator] = {}
        self._saved: dict[str, Tensor] = {}

    def noise(self, modality: str, name: str, parameter: nn.Parameter, factor: float) -> Tensor | None:
        """Return N(0, (factor (std + 1e-8))^2) for a parameter's gradient, of its shape, sharded as it is.

        std is the unbiased one over the elements of the whole gradient. None, and nothing drawn, at factor 0 and for a
        gradient of less than 2 elements, which has no std.
        """
        grad = parameter.grad
        if grad is None or grad.numel() < 2 or not factor:
            return None
        if grad.layout is not torch.strided:
            raise ValueError(
                f"the gradient of {name!r} of {modality!r} is sparse, and noise would fill it: make it dense (`sparse=False`)"
            )
        whole: Tensor = grad.full_tensor() if hasattr(grad, "full_tensor") else grad
        wide = whole if whole.dtype in WIDE else whole.to(torch.complex64 if whole.is_complex() else torch.float32)
        drawn = torch.randn(wide.shape, generator=self._of(modality, wide.device), dtype=wide.dtype, device=wide.device)
        return placed(drawn.mul_(factor * (wide.std() + FLOOR)).to(grad.dtype), parameter)

    def _of(self, modality: str, device: torch.device) -> torch.Generator:
        if modality not in self._made:
            self._made[modality] = self._placed(modality, device)
        return self._made[modality]

    def _placed(self, modality: str, device: torch.device) -> torch.Generator:
        generator = torch.Generator(device).manual_seed(derived(self._purpose, self._seed, modality))
        saved = self._saved.pop(modality, None)
        if saved is not None and saved.shape != generator.get_state().shape:
            raise ValueError(
                f"the noise of {modality!r} was saved on another kind of device than {device}: resume on that kind"
            )
        return generator if saved is None else generator.set_state(saved)

    def state_dict(self) -> dict[str, Tensor]:
        """Return modality -> its generator's state."""
        states = self._saved | {m: generator.get_state() for m, generator in self._made.items()}
        return {m: states[m] for m in sorted(states)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on where the states were taken, on whatever device the next gradients lie."""
        self._made, self._saved = {}, {m: t.cpu().clone() for m, t in state.items()}


def derived(purpose: str, seed: int, modality: str) -> int:
    """Return a generator's seed: another one for every purpose, seed and modality."""
    return int.from_bytes(hashlib.sha256(repr((purpose, seed, modality)).encode()).digest()[:8], "little") >> 1


def check_generator(saved: Saved) -> None:
    """Refuse what is no state of a generator."""
    state, cpu = saved.value, torch.Generator()
    if not isinstance(state, Tensor) or state.dtype != torch.uint8 or state.ndim != 1:
        saved.refuse("a generator's state, a row of bytes")
    if state.shape == cpu.get_state().shape:  # another kind of device has another length: it is looked at there
        try:
            cpu.set_state(state.cpu())
        except RuntimeError:
            saved.refuse("a generator's state, and those bytes are none")
