"""Two equal encoders and a head, at three sizes, with made-up batches: time does not depend on what the numbers mean."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

CLASSES = 10


def small_cnn() -> nn.Module:
    """The size of the lab's encoders: a step of a few milliseconds, reported without target."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 12 * 4, 64), nn.ReLU(),
    )  # fmt: skip


class Block(nn.Module):
    """ResNet's basic block."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after),
        )  # fmt: skip
        same = before == after and stride == 1
        self.past = (
            nn.Identity() if same else nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        )

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(x) + self.past(x)).relu()


def resnet18() -> nn.Module:
    """ResNet-18's trunk: 11,176,512 parameters."""
    stages = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    return nn.Sequential(*stem, *[Block(*stage) for stage in stages], nn.AdaptiveAvgPool2d(1), nn.Flatten())


def wide_mlp() -> nn.Module:
    """The hard case: nothing but parameters (12.6 million), so that whatever reads every gradient shows most."""
    layers = [layer for _ in range(3) for layer in (nn.Linear(2048, 2048), nn.ReLU())]
    return nn.Sequential(*layers)


@dataclass(frozen=True)
class Size:
    """An encoder, the shape of a batch for it, its feature size, and whether the targets hold for it."""

    encoder: Callable[[], nn.Module]
    batch: tuple[int, ...]
    width: int
    targets: bool


SIZES = {
    "ResNet-18": Size(resnet18, (16, 3, 96, 96), 512, True),
    "wide MLP": Size(wide_mlp, (64, 2048), 2048, True),
    "small CNN": Size(small_cnn, (64, 1, 48, 16), 64, False),
}


class Pair(nn.Module):
    """Late fusion of two encoders; `cut` names those whose feature is detached by hand."""

    def __init__(self, size: Size):
        super().__init__()
        torch.manual_seed(0)
        self.audio, self.visual = size.encoder(), size.encoder()
        self.head = nn.Linear(2 * size.width, CLASSES)
        self.cut: frozenset[str] = frozenset()

    def forward(self, audio: Tensor, visual: Tensor) -> Tensor:
        features = {"audio": self.audio(audio), "visual": self.visual(visual)}
        return self.head(torch.cat([f.detach() if m in self.cut else f for m, f in features.items()], 1))


def batches(size: Size) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the same few batches for ever."""
    generator = torch.Generator().manual_seed(1)
    made = [
        (
            torch.randn(size.batch, generator=generator),
            torch.randn(size.batch, generator=generator),
            torch.randint(CLASSES, size.batch[:1], generator=generator),
        )
        for _ in range(4)
    ]
    while True:
        yield from made
