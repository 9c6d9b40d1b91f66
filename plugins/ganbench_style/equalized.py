"""Layers with an equalized learning rate: weights of unit variance, scaled when they are used."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAK = 0.2
#: The gain that roughly restores the second moment of activations after a leaky rectifier.
RECTIFIER_GAIN = math.sqrt(2)


class Equalized(nn.Module):
    """A weight that starts from N(0, 1), and the factor on it in every forward pass.

    The factor is that of He's initialization, gain / sqrt(fan-in), so that outputs have the variance
    gain² · E[x²] at the start. As Adam's updates do not depend on the scale of a gradient, all layers
    learn at the same relative speed (Karras et al. 2018, arXiv:1710.10196, section 4.1).

    With ``lr_multiplier`` m, stored values are 1/m times, and factors m times as large: the layer
    starts out the same and learns at m times the rate.

    :param shape: of the weight, outputs first.
    :param bias: the value at which every bias starts; None for no bias.
    :param gain: on the weight.
    :param bias_gain: on the bias; with both at sqrt(2), a rectifier's gain costs no further pass.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        bias: float | None,
        lr_multiplier: float,
        gain: float,
        bias_gain: float,
    ) -> None:
        super().__init__()
        self.weight_scale = gain * lr_multiplier / math.sqrt(math.prod(shape[1:]))
        self.bias_scale = bias_gain * lr_multiplier
        self.weight = nn.Parameter(torch.randn(shape) / lr_multiplier)
        self.bias = (
            None if bias is None else nn.Parameter(torch.full(shape[:1], bias / lr_multiplier))
        )

    def scaled(self) -> tuple[Tensor, Tensor | None]:
        """The scaled weight and bias."""
        if self.bias is None or self.bias_scale == 1:
            return self.weight * self.weight_scale, self.bias
        return self.weight * self.weight_scale, self.bias * self.bias_scale

    def extra_repr(self) -> str:
        shape = ", ".join(map(str, self.weight.shape))
        return f"{shape}, bias={self.bias is not None}, scale={self.weight_scale:.3g}"


class EqualizedLinear(Equalized):
    """(batch, inputs) to (batch, outputs), see `Equalized`."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias: float | None = 0.0,
        lr_multiplier: float = 1.0,
        gain: float = 1.0,
        bias_gain: float = 1.0,
    ) -> None:
        super().__init__((outputs, inputs), bias, lr_multiplier, gain, bias_gain)

    def forward(self, inputs: Tensor) -> Tensor:
        return F.linear(inputs, *self.scaled())


class EqualizedConv2d(Equalized):
    """(batch, inputs, h, w) to (batch, outputs, h', w'), see `Equalized`.

    :param padding: zeros on each side; None for those that keep the size at stride 1.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: int | None = None,
        bias: float | None = 0.0,
        lr_multiplier: float = 1.0,
        gain: float = 1.0,
        bias_gain: float = 1.0,
    ) -> None:
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        super().__init__((outputs, inputs, *sides), bias, lr_multiplier, gain, bias_gain)
        self.stride = stride
        self.padding = (sides[0] // 2, sides[1] // 2) if padding is None else padding

    def forward(self, images: Tensor) -> Tensor:
        return F.conv2d(images, *self.scaled(), self.stride, self.padding)
