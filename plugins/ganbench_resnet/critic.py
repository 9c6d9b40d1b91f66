"""The discriminator of the residual designs."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from ganbench import Critique
from ganbench_resnet.blocks import DownBlock, SelfAttention
from ganbench_resnet.layers import Layers
from ganbench_resnet.plans import Plan

Condition = Literal["none", "projection", "classifier"]


class Discriminator(nn.Module):
    """(batch, c, h, w) images to a Critique: logits (batch,), features (batch, width).

    Features are the rectified last map, summed over its pixels. With the condition ``projection``
    the logit of a sample of class y gains the product of its features with an embedding of y (Miyato
    & Koyama 2018, arXiv:1802.05637); with ``classifier`` the critique has class logits, linear in the
    features (Odena et al. 2017, arXiv:1610.09585).

    :param rectified_skips: whether the blocks' skips carry their inputs after the first ReLU.
    :param wide: whether blocks have as many channels inside as after them, rather than before.
    :param attended: the size of the map that gets self-attention, 0 for none.
    """

    def __init__(
        self,
        plan: Plan,
        channels: int,
        layers: Layers,
        *,
        wide: bool,
        rectified_skips: bool,
        attended: int,
        classes: int,
        condition: Condition,
    ) -> None:
        super().__init__()
        rows, columns = plan.margins
        self.padding = [*columns, *rows]
        blocks: list[nn.Module] = []
        inputs = channels
        for number, outputs in enumerate(plan.d_widths):
            first, halve = number == 0, number < plan.halvings
            hidden = outputs if wide or first else inputs
            blocks.append(
                DownBlock(
                    inputs,
                    hidden,
                    outputs,
                    layers,
                    first=first,
                    halve=halve,
                    rectified_skip=rectified_skips,
                )
            )
            if halve and plan.d_sizes[number] == attended:
                blocks.append(SelfAttention(outputs, layers))
            inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.judge = layers.linear(inputs, 1)
        self.embedding = layers.embedding(classes, inputs) if condition == "projection" else None
        self.classify = layers.linear(inputs, classes) if condition == "classifier" else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Critique:
        if any(self.padding):
            images = F.pad(images, self.padding)
        features = F.relu(self.blocks(images)).sum(dim=(2, 3))
        logits = self.judge(features).squeeze(1)
        if self.embedding is not None:
            if labels is None:
                raise ValueError("a projection discriminator needs the labels of its images")
            logits = logits + (self.embedding(labels) * features).sum(dim=1)
        class_logits = None if self.classify is None else self.classify(features)
        return Critique(logits, features, class_logits)
