"""The network of ResNet-18, with the parameter names of torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from asgml.lab.encoders._layers import projection
from asgml.lab.encoders._torchvision_weights import load_trunk


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with BatchNorm beside a shortcut: (B, C, H, W) -> (B, C', H / stride, W / stride)."""

    def __init__(self, inside: int, outside: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        shortcut = [nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)]
        self.downsample = nn.Sequential(*shortcut) if stride > 1 or inside != outside else None

    def forward(self, x: Tensor) -> Tensor:
        """Return ReLU(residual + shortcut)."""
        residual: Tensor = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (residual + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet18Net(nn.Module):
    """Images (B, C, H, W) -> (B, D) (He et al., CVPR 2016): 11,176,512 parameters for 3 channels, without the projection.

    The feature is the mean over positions of the last stage, 8 * `width` numbers; `fc` projects it where D is another.
    Convolutions start as torchvision's do: normal, by fan-out (He et al., ICCV 2015).

    `weights` is a file with a state dict in torchvision's format; see `load_trunk`.
    """

    def __init__(self, shape: Sequence[int], feature_dim: int, weights: Path | None = None, width: int = 64):
        super().__init__()
        self.conv1 = nn.Conv2d(shape[0], width, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(width, width, 1), BasicBlock(width, width, 1))
        self.layer2 = _stage(width, 2 * width)
        self.layer3 = _stage(2 * width, 4 * width)
        self.layer4 = _stage(4 * width, 8 * width)
        self.fc = projection(8 * width, feature_dim)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        if weights is not None:
            load_trunk(self, weights)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, D)."""
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        feature: Tensor = self.fc(x.mean((2, 3)))
        return feature


def _stage(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(inside, outside, 2), BasicBlock(outside, outside, 1))
