"""CycleGAN: translation learned from two sets of images without pairs."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Literal, Self

from torch import Tensor, nn
from torch.nn import functional as F

from ganbench import (
    CRITIC_FEATURES,
    PER_SAMPLE_CRITIC,
    Architecture,
    Critique,
    DataSpec,
    Networks,
    Translation,
    option,
)
from ganbench_translation.layers import TRAINING, Norm
from ganbench_translation.patchgan import PatchGAN, patch_problem
from ganbench_translation.resnet import HALVINGS, SMALLEST, ResNet

LARGE = 256  # pixels a side; from this size on the paper uses nine residual blocks


class CycleGAN(Architecture):
    """Unpaired translation with cycle consistency (Zhu et al., 2017).

    Two ResNets translate, one into each domain; two PatchGANs judge, one for each domain. Images may
    be of any size from 8 pixels on that is a multiple of four, and the domains may differ in their
    channels. The generators' loss gains ``cycle`` times the mean absolute difference between images
    and their translations there and back, and ``identity * cycle`` times the difference between
    images and their translations into their own domain; the latter is left out if the domains
    have different numbers of channels.

    The paper's loss is ``lsgan`` without the factor 1/2 that the loss of that name has here: its
    proportions are those of ``cycle=5``. Its discriminators' part is halved, which under Adam is nearly
    the same as not halving it, and its images are enlarged by 30 of 256 pixels and cropped at random,
    and mirrored: see the training settings ``jitter`` and ``flip``. As in its program, a step updates
    the generators first, and the discriminators then judge the same translations, those of before that
    update, by way of the pool: see ``first_player`` and ``fakes``. After training with
    ``batch_size=1``, as recommended, ``norm=batch`` evaluates each image by its own statistics.
    """

    paper = "Zhu et al. 2017, arXiv:1703.10593"
    task = "unpaired-translation"
    recommends: ClassVar[dict[str, Any]] = TRAINING | {
        "first_player": "generator",
        "fakes": "shared",
    }

    width: int = option(64, "channels of the maps at the image's size", ge=1)
    blocks: int | Literal["auto"] = option(
        "auto", "residual blocks of a generator; auto: 9 from 256 pixels on, 6 below", ge=0
    )
    norm: Literal["instance", "instance-affine", "batch"] = option(
        "instance", "normalization in all networks"
    )
    layers: int = option(3, "halvings in the discriminators; 3: patches of 70 pixels", ge=1)
    cycle: float = option(10.0, "λ, the weight of cycle consistency", ge=0)
    identity: float = option(0.5, "weight of the identity term, in units of λ", ge=0)
    fake_pool: int = option(
        50, "earlier generated images of each domain, kept for the discriminators; 0: none", ge=0
    )

    def build(self, data: DataSpec) -> Networks:
        self.check_data(data)
        return Networks(
            generator=Generator(data, self.width, self._blocks(data), self.norm),
            discriminator=Discriminator(data, self.width, self.layers, self.norm),
        )

    def problem(self, data: DataSpec) -> str | None:
        if data.kind == "points":
            return f"cyclegan translates images, not {data}"
        if data.pairing == "none":
            return (
                f"cyclegan translates between two sets of images, not {data}: use a data "
                "set such as unpaired-folder or two-classes"
            )
        sides = (data.height, data.width)
        step = 2**HALVINGS
        if min(sides) < SMALLEST or any(side % step for side in sides):
            return (
                f"cyclegan makes images of 8 pixels a side or more, in multiples of {step}, not "
                f"{data}: resize them"
            )
        return patch_problem("cyclegan", data, self.layers)

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        by_itself = {PER_SAMPLE_CRITIC} if self.norm != "batch" else set()
        return frozenset({CRITIC_FEATURES} | by_itself)

    def advice(self, capability: str) -> str:
        return "norm=instance or instance-affine" if capability == PER_SAMPLE_CRITIC else ""

    def resolve(self, needs: frozenset[str], data: DataSpec) -> Self:
        return dataclasses.replace(self, blocks=self._blocks(data))

    def generator_terms(self, translation: Translation) -> Tensor:
        source, target, translate = translation.source, translation.target, translation.translate
        assert translation.back is not None
        terms = self.cycle * (
            F.l1_loss(translate(translation.fake, "a"), source)
            + F.l1_loss(translate(translation.back, "b"), target)
        )
        if self.identity and source.shape[1] == target.shape[1]:
            terms = terms + self.identity * self.cycle * (
                F.l1_loss(translate(target, "b"), target)
                + F.l1_loss(translate(source, "a"), source)
            )
        return terms

    def _blocks(self, data: DataSpec) -> int:
        if self.blocks != "auto":
            return self.blocks
        return 9 if min(data.height, data.width) >= LARGE else 6


class Generator(nn.Module):
    """Translates images into domain ``"a"`` (the sources) or ``"b"`` (the targets)."""

    def __init__(self, data: DataSpec, width: int, blocks: int, norm: Norm) -> None:
        super().__init__()
        self.to_a = ResNet(data.channels, data.source_channels, width, blocks, norm)
        self.to_b = ResNet(data.source_channels, data.channels, width, blocks, norm)

    def forward(self, images: Tensor, domain: str = "b") -> Tensor:
        translated: Tensor = self.to_b(images) if domain == "b" else self.to_a(images)
        return translated


class Discriminator(nn.Module):
    """Judges images of a domain, ``"a"`` or ``"b"``, patch by patch."""

    def __init__(self, data: DataSpec, width: int, layers: int, norm: Norm) -> None:
        super().__init__()
        self.of_a = PatchGAN(data.source_channels, width, layers, norm)
        self.of_b = PatchGAN(data.channels, width, layers, norm)

    def forward(self, images: Tensor, domain: str = "b") -> Critique:
        critique: Critique = self.of_b(images) if domain == "b" else self.of_a(images)
        return critique
