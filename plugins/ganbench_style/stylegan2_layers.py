"""The layers of StyleGAN2's generator: convolutions whose weights every sample scales by its style."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench_style.equalized import LEAK, RECTIFIER_GAIN, EqualizedLinear
from ganbench_style.resampling import Blur

EPSILON = 1e-8


class ModulatedConv2d(nn.Module):
    """(batch, inputs, h, w) maps and their (batch, inputs) scales to (batch, outputs, h', w') maps.

    With the scales s = A(style) of the input channels, each sample is convolved with weights

        w'_oik = s_i w_oik,        w''_oik = w'_oik / sqrt(Σ_ik w'_oik² + ε)

    (Karras et al. 2020, arXiv:1912.04958, equations 1 and 3). Both factors commute with the
    convolution: they are put on the maps before it and after it, so that one convolution with the
    same weights serves the batch. The caller applies the second one, `demodulation`.

    Upsampling is a transposed convolution of stride 2 and a low-pass filter. A's biases start from 1.

    :param kernel: odd; 3 to upsample.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, w_dim: int, *, upsample: bool = False
    ) -> None:
        super().__init__()
        self.affine = EqualizedLinear(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        # The equalized learning rate, on the scales because they are fewer than the weights.
        self.scale = 1 / math.sqrt(inputs * kernel**2)
        self.blur = Blur(padding=1, gain=4.0) if upsample else None

    def scales(self, style: Tensor) -> Tensor:
        """(batch, inputs) scales of a (batch, w_dim) style."""
        scales: Tensor = self.affine(style)
        return scales * self.scale

    def forward(self, maps: Tensor, scales: Tensor) -> Tensor:
        maps = maps * scales.to(maps.dtype)[:, :, None, None]
        if self.blur is None:
            return F.conv2d(maps, self.weight, padding=self.weight.shape[-1] // 2)
        doubled: Tensor = self.blur(F.conv_transpose2d(maps, self.weight.transpose(0, 1), stride=2))
        return doubled

    def demodulation(self, scales: Tensor) -> Tensor:
        """(batch, outputs) factors that give the outputs the variance of the inputs."""
        with torch.autocast(scales.device.type, enabled=False):
            energies: Tensor = self.weight.square().sum((2, 3))
            sums = scales.to(energies.dtype).square() @ energies.T
            return (sums + EPSILON).rsqrt()


class StyledLayer(nn.Module):
    """A demodulated convolution, noise, a bias and a leaky rectifier with a gain of sqrt(2).

    Every pixel gets a standard normal number, drawn for each sample from torch's global random state
    and shared by the channels, times a learned strength that starts from 0.
    """

    def __init__(self, inputs: int, outputs: int, w_dim: int, *, upsample: bool = False) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(inputs, outputs, 3, w_dim, upsample=upsample)
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, maps: Tensor, style: Tensor) -> Tensor:
        scales = self.convolution.scales(style)
        maps = self.convolution(maps, scales)
        batch, _, height, width = maps.shape
        noise = torch.randn(batch, 1, height, width, device=maps.device, dtype=maps.dtype)
        # The gain goes through the rectifier: on small tensors it costs less than after it.
        factors = self.convolution.demodulation(scales) * RECTIFIER_GAIN
        bias = self.bias * RECTIFIER_GAIN
        strength = self.noise_strength * RECTIFIER_GAIN
        shifted = torch.addcmul(_per_channel(bias, maps), maps, _per_channel(factors, maps))
        return F.leaky_relu(shifted + noise * strength.to(maps.dtype), LEAK, inplace=True)


class ToImage(nn.Module):
    """(batch, inputs, h, w) maps to (batch, c, h, w) images: a modulated 1x1 convolution and a bias.

    It does not demodulate, so styles can scale the image.
    """

    def __init__(self, inputs: int, channels: int, w_dim: int) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(inputs, channels, 1, w_dim)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor, style: Tensor) -> Tensor:
        images: Tensor = self.convolution(maps, self.convolution.scales(style))
        return images + _per_channel(self.bias, images)


def _per_channel(values: Tensor, maps: Tensor) -> Tensor:
    """Values (…, c) in the maps' precision, to be spread over (…, c, h, w)."""
    return values.to(maps.dtype)[..., None, None]
