"""StyleGAN2's discriminator, with or without residual connections."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from ganbench import Critique
from ganbench_style.equalized import LEAK, RECTIFIER_GAIN, EqualizedConv2d, EqualizedLinear
from ganbench_style.minibatch import MinibatchDeviation
from ganbench_style.resampling import Blur, Downsample
from ganbench_style.stylegan2_mapping import Mapping


class Discriminator(nn.Module):
    """(batch, c, h, w) images, and (batch,) labels if it is conditional, to (batch,) logits.

    The features are the (batch, widths[0]) activations before the last layer. With a mapping, that
    layer has as many outputs as the mapped label, and the logit is the inner product of the two over
    the square root of their length.

    :param shape: height and width of the images; they are padded with zeros where maps are larger.
    :param first: height and width of the innermost map.
    :param widths: channels of the maps, from the innermost one outwards to the image.
    :param deviation: minibatch standard deviation, put before the last convolution; or None.
    :param mapping: from labels to vectors of ``widths[0]``; or None.
    """

    def __init__(
        self,
        channels: int,
        shape: tuple[int, int],
        first: tuple[int, int],
        widths: list[int],
        residual: bool,
        deviation: MinibatchDeviation | None,
        mapping: Mapping | None,
    ) -> None:
        super().__init__()
        doublings = len(widths) - 1
        rows, columns = (
            (least << doublings) - side for least, side in zip(first, shape, strict=True)
        )
        self.padding = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
        block = ResidualBlock if residual else PlainBlock
        inwards, innermost = widths[::-1], widths[0]
        self.from_image = Rectified(channels, inwards[0], 1)
        self.blocks = nn.Sequential(*(block(outer, inner) for outer, inner in pairwise(inwards)))
        self.deviation = deviation
        extra = 0 if deviation is None else deviation.channels
        self.last_convolution = Rectified(innermost + extra, innermost, 3)
        self.hidden = EqualizedLinear(
            innermost * math.prod(first), innermost, gain=RECTIFIER_GAIN, bias_gain=RECTIFIER_GAIN
        )
        self.mapping = mapping
        self.last = EqualizedLinear(innermost, 1 if mapping is None else innermost)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Critique:
        maps = F.pad(images, self.padding) if any(self.padding) else images
        maps = self.blocks(self.from_image(maps))
        if self.deviation is not None:
            maps = self.deviation(maps)
        features = self.hidden(self.last_convolution(maps).flatten(1))
        features = F.leaky_relu(features, LEAK, inplace=True)
        answers = self.last(features)
        if self.mapping is None:
            return Critique(answers.squeeze(1), features)
        label = self.mapping(None, labels)
        logits = (answers * label).sum(1) / math.sqrt(label.shape[1])
        return Critique(logits, features)


class Rectified(nn.Module):
    """A convolution, which includes the rectifier's gain, and a leaky rectifier.

    :param downsample: halve the size: by a low-pass filter, and a stride of the convolution.
    :param share: of the output's scale.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        downsample: bool = False,
        share: float = 1.0,
    ) -> None:
        super().__init__()
        self.blur = Blur(padding=2) if downsample else None
        self.convolution = EqualizedConv2d(
            inputs,
            outputs,
            kernel,
            stride=2 if downsample else 1,
            padding=0 if downsample else None,
            gain=RECTIFIER_GAIN * share,
            bias_gain=RECTIFIER_GAIN * share,
        )

    def forward(self, maps: Tensor) -> Tensor:
        if self.blur is not None:
            maps = self.blur(maps)
        return F.leaky_relu(self.convolution(maps), LEAK, inplace=True)


class PlainBlock(nn.Sequential):
    """(batch, inputs, h, w) to (batch, outputs, h/2, w/2): two 3x3 convolutions; the second halves."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            Rectified(inputs, inputs, 3), Rectified(inputs, outputs, 3, downsample=True)
        )


class ResidualBlock(nn.Module):
    """The plain block beside a 1x1 convolution of the halved input, over the square root of 2.

    (Karras et al. 2020, section 4.1.)
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        share = math.sqrt(0.5)
        self.first = Rectified(inputs, inputs, 3)
        self.second = Rectified(inputs, outputs, 3, downsample=True, share=share)
        self.downsample = Downsample()
        self.skip = EqualizedConv2d(inputs, outputs, 1, bias=None, gain=share)

    def forward(self, maps: Tensor) -> Tensor:
        skipped: Tensor = self.skip(self.downsample(maps))
        found: Tensor = self.second(self.first(maps))
        return found + skipped
