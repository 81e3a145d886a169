"""Example samples as pictures: one PNG per modality, drawn by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.lab.datasets._base import Split
from asgml.lab.datasets.prepared import MEAN, SD
from asgml.lab.prepared.stored import Stored

COLUMNS = 6


def examples(split: Split, classes: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return rows to show: the first of every class, as many classes as fit."""
    _, first = np.unique(split.labels, return_index=True)
    return np.asarray(first[:COLUMNS], dtype=np.int64)


def sheet(samples: Any, titles: Sequence[str]) -> bytes:
    """Return samples (n, ...) side by side, a title over each; a clip's frames stand below each other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    stacks, limits = [_panels(np.asarray(sample)) for sample in np.asarray(samples)], _limits(samples)
    canvas = Figure(figsize=(1.6 * len(stacks), 0.35 + 1.35 * len(stacks[0])), dpi=110, layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots(len(stacks[0]), len(stacks), squeeze=False)
    for column, (stack, title) in enumerate(zip(stacks, titles, strict=True)):
        axes[0, column].set_title(title, fontsize=8, parse_math=False)
        for row, panel in enumerate(stack):
            _draw(axes[row, column], panel, limits)
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _panels(sample: Any) -> list[Any]:
    """Cut a sample into pictures: (H, W, 3) in colour, (H, W) in shades, (K,) as a curve."""
    if sample.ndim == 4:
        return [_panels(frame)[0] for frame in sample[:4]]
    if sample.ndim == 3 and len(sample) == 3:
        return [np.moveaxis(sample, 0, 2)]
    return [sample[0] if sample.ndim == 3 else sample]


def _draw(ax: Any, panel: Any, limits: tuple[Any, Any]) -> None:
    if panel.ndim == 1:
        ax.plot(panel, linewidth=0.8)
    elif panel.ndim == 3:
        low, high = limits
        ax.imshow(np.clip((panel - low) / np.maximum(high - low, 1e-6), 0, 1), aspect="equal")
    else:
        square = panel.shape[0] == panel.shape[1] and panel.shape[0] <= 32
        ax.imshow(panel, aspect="auto", origin="upper" if square else "lower", cmap="gray" if square else "magma")
    ax.set_xticks([])
    ax.set_yticks([])


def _limits(samples: Any) -> tuple[Any, Any]:
    """Return what is shown as none and as all of red, green and blue.

    A store's pixels have ImageNet's mean taken off. Others lie in 0-1, or were scaled: then the lowest and highest shown count.
    """
    if isinstance(samples, Stored):
        return -(MEAN / SD).ravel(), ((1 - MEAN) / SD).ravel()
    pixels = np.asarray(samples)
    if pixels.ndim < 4 or pixels.shape[-3] != 3 or (pixels.min() >= 0 and pixels.max() <= 1):
        return np.zeros(3), np.ones(3)
    colours = np.moveaxis(pixels, -3, 0).reshape(3, -1)
    return colours.min(1), colours.max(1)
