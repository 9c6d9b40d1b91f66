"""An architecture: two small networks for images of any size that is a multiple of 4."""

from collections.abc import Callable

import torch
from torch import nn

from ganbench import Architecture, DataSpec, Networks, hookimpl, option


class TinyUpsampler(Architecture):
    """Nearest-neighbor upsampling before each convolution, which leaves no checkerboard."""

    paper = "Odena et al. 2016, doi:10.23915/distill.00003"

    latent_dim: int = option(64, "length of the standard normal latents", ge=1)
    width: int = option(32, "channels at full resolution", ge=1)

    def problem(self, data: DataSpec) -> str | None:
        if data.kind != "image":
            return f"tiny-upsampler makes images, not {data}"
        if data.height % 4 or data.width % 4:
            return f"tiny-upsampler needs sides that are multiples of 4, not {data}: resize them"
        return None

    def build(self, data: DataSpec) -> Networks:
        return Networks(self._generator(data), self._discriminator(data))

    def _generator(self, data: DataSpec) -> nn.Module:
        wide, height, width = 4 * self.width, data.height // 4, data.width // 4
        return Unlabeled(
            nn.Linear(self.latent_dim, wide * height * width),
            nn.Unflatten(1, (wide, height, width)),
            *self._upsampled(wide, 2 * self.width),
            *self._upsampled(2 * self.width, self.width),
            nn.Conv2d(self.width, data.channels, 3, padding=1),
            nn.Tanh(),
        )

    @staticmethod
    def _upsampled(inside: int, outside: int) -> list[nn.Module]:
        convolution = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        return [nn.Upsample(scale_factor=2), convolution, nn.BatchNorm2d(outside), nn.ReLU()]

    def _discriminator(self, data: DataSpec) -> nn.Module:
        # Without batch statistics each image is judged by itself, as gradient penalties require.
        # `Architecture.capabilities` claims that by default.
        return Unlabeled(
            nn.Conv2d(data.channels, self.width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(self.width, 2 * self.width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * self.width * (data.height // 4) * (data.width // 4), 1),
        )


class Unlabeled(nn.Sequential):
    """Layers that ignore the labels, which every network receives."""

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(inputs)


@hookimpl
def ganbench_architectures(register: Callable[..., None]) -> None:
    register("tiny-upsampler", TinyUpsampler, summary="Small upsampling pair, sides in fours")
