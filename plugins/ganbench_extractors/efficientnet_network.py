"""EfficientNet-Lite0: EfficientNet-B0 (Tan and Le 2019, arXiv:1905.11946) for small devices.

The lite networks leave out squeeze-and-excitation and have ReLU6 in place of swish. Names of modules
are those of the published weights. Borders are padded as in TensorFlow, where the weights come from:
an odd row or column of zeros goes to the bottom or the right.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

SIDE = 224  # pixels; the network was trained on images of that size
FEATURES = 1280
CLASSES = 1000

_STEM = 32  # channels
#: Stage by stage: blocks, kernel, stride of the first block, expansion, channels (their table 1).
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_NORM_EPSILON = 1e-3


class EfficientNetLite0(nn.Module):
    """Normalized images (b, 3, 224, 224) to features (b, 1280) and logits (b, 1000)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _Convolution(3, _STEM, 3, stride=2)
        self._bn0 = _norm(_STEM)
        self._blocks = nn.ModuleList()
        channels = _STEM
        for count, kernel, stride, expansion, width in _STAGES:
            for number in range(count):
                first = stride if number == 0 else 1
                self._blocks.append(_Block(channels, width, kernel, first, expansion))
                channels = width
        self._conv_head = _Convolution(channels, FEATURES, 1)
        self._bn1 = _norm(FEATURES)
        self._fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = F.relu6(self._bn0(self._conv_stem(images)))
        for block in self._blocks:
            maps = block(maps)
        features = F.relu6(self._bn1(self._conv_head(maps))).mean((2, 3))
        return features, self._fc(features)

    def fuse(self) -> None:
        """Fold the normalization into the convolutions; in evaluation mode, once."""
        _fold(self, "_conv_stem", "_bn0")
        _fold(self, "_conv_head", "_bn1")
        for module in self.modules():
            if isinstance(module, _Block):
                module.fuse()


class _Block(nn.Module):
    """An inverted residual block (MobileNetV2, arXiv:1801.04381): widen, filter, narrow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.widens = expansion > 1
        self.adds = stride == 1 and inputs == outputs
        if self.widens:
            self._expand_conv = _Convolution(inputs, inner, 1)
            self._bn0 = _norm(inner)
        self._depthwise_conv = _Convolution(inner, inner, kernel, stride, groups=inner)
        self._bn1 = _norm(inner)
        self._project_conv = _Convolution(inner, outputs, 1)
        self._bn2 = _norm(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        inner = F.relu6(self._bn0(self._expand_conv(maps))) if self.widens else maps
        inner = F.relu6(self._bn1(self._depthwise_conv(inner)))
        result: Tensor = self._bn2(self._project_conv(inner))
        return maps + result if self.adds else result

    def fuse(self) -> None:
        if self.widens:
            _fold(self, "_expand_conv", "_bn0")
        _fold(self, "_depthwise_conv", "_bn1")
        _fold(self, "_project_conv", "_bn2")


class _Convolution(nn.Conv2d):
    """As many places come out as strides fit; the sides of the maps are multiples of the stride."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        before, odd = divmod(kernel - stride, 2)
        super().__init__(inputs, outputs, kernel, stride, padding=before, groups=groups, bias=False)
        self._odd = odd

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(F.pad(maps, (0, self._odd, 0, self._odd)) if self._odd else maps)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_NORM_EPSILON)


def _fold(module: nn.Module, convolution: str, norm: str) -> None:
    fused = fuse_conv_bn_eval(getattr(module, convolution), getattr(module, norm))
    setattr(module, convolution, fused)
    setattr(module, norm, nn.Identity())
