"""Made-up data, and small components that stand in for those not under test."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from ganbench.components.architecture import (
    CRITIC_CLASSES,
    CRITIC_FEATURES,
    PER_SAMPLE_CRITIC,
    STYLES,
    Architecture,
    Critique,
    Networks,
    Task,
)
from ganbench.components.augmentation import Augmentation
from ganbench.components.base import option
from ganbench.components.column import Column
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.dataset import Dataset
from ganbench.components.extractor import Extractor, ExtractorContext, FeatureNetwork
from ganbench.components.loss import Loss
from ganbench.components.metric import FeatureSet, Metric
from ganbench.components.regularizer import Regularizer
from ganbench.components.view import View

CPU = torch.device("cpu")
BATCH = 8


class MadeUpData(Dataset):
    """Random samples of any shape."""

    extractor = "made-up"

    channels: int = option(1, ge=1)
    height: int = option(8, ge=1)
    width: int = option(8, ge=1)
    classes: int = option(0, ge=0)
    kind: Literal["image", "points"] = "image"
    source_channels: int = option(0, ge=0)
    pairing: Literal["none", "paired", "unpaired"] = "none"
    alpha: bool = False

    def spec(self, root: Path) -> DataSpec:
        return DataSpec(**vars(self))

    def load(self, split: str, root: Path) -> ImageData:
        return made_up_samples(self.spec(root), 4 * BATCH)


class MadeUpExtractor(Extractor):
    """For cells of trainings that evaluate nothing."""

    def prepare(self, context: ExtractorContext) -> FeatureNetwork:
        raise NotImplementedError


class MadeUpMetric(Metric):
    """For the same cells."""

    columns: ClassVar[tuple[Column, ...]] = (Column("made_up", better="lower"),)

    def compute(self, fake: FeatureSet, reference: Mapping[str, Tensor]) -> Mapping[str, float]:
        raise NotImplementedError


class Partner(Architecture):
    """A small pair for any data without sources, with every capability that the core knows."""

    latent_dim: int = 4

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        classes = {CRITIC_CLASSES} if data.classes and self.task == "class-conditional" else set()
        return frozenset({PER_SAMPLE_CRITIC, CRITIC_FEATURES, STYLES} | classes)

    def build(self, data: DataSpec) -> Networks:
        return Networks(PartnerGenerator(self.latent_dim, data), PartnerCritic(data))


class ConditionalPartner(Partner):
    """The same with the labels of its samples, for components that learn from classes."""

    task = "class-conditional"


class SparePartner(Partner):
    """A pair that gives what it names and nothing else."""

    gives: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        return "class-conditional" if CRITIC_CLASSES in self.gives else "unconditional"

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        return frozenset(self.gives)

    def build(self, data: DataSpec) -> Networks:
        generator, _ = super().build(data)
        return Networks(generator, SpareCritic(data, self.gives))


class PartnerGenerator(nn.Module):
    """Two layers, with the inner one as styles."""

    def __init__(self, latent_dim: int, data: DataSpec) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(latent_dim, 16), nn.Tanh())
        outer = nn.Linear(16, math.prod(data.shape))
        self.outer = nn.Sequential(outer, nn.Unflatten(1, data.shape), nn.Tanh())

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.with_styles(latents, labels)[0]

    def with_styles(self, latents: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        styles = self.inner(latents)[:, None]
        return self.outer(styles[:, 0]), styles


class PartnerCritic(nn.Module):
    """Two layers, which also give features and class logits."""

    def __init__(self, data: DataSpec) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(data.shape), 16), nn.Tanh())
        self.judge = nn.Linear(16, 1)
        self.classify = nn.Linear(16, data.classes) if data.classes else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Critique:
        features = self.layers(images)
        classes = None if self.classify is None else self.classify(features)
        return Critique(self.judge(features).squeeze(1), features, classes)


class SpareCritic(PartnerCritic):
    """The same, with the parts of its answer that are asked for."""

    def __init__(self, data: DataSpec, gives: tuple[str, ...]) -> None:
        super().__init__(data)
        self.gives = gives

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Critique:
        whole = super().forward(images, labels)
        features = whole.features if CRITIC_FEATURES in self.gives else None
        classes = whole.class_logits if CRITIC_CLASSES in self.gives else None
        return Critique(whole.logits, features, classes)


class PartnerLoss(Loss):
    """The logistic loss, plus a classifier's loss for a discriminator with class logits."""

    generator_uses_real = False

    def discriminator_loss(self, view: View) -> Tensor:
        loss = super().discriminator_loss(view)
        assert view.real_critique is not None
        if view.real_critique.class_logits is None or view.labels is None:
            return loss
        return loss + cross_entropy(view.real_critique.class_logits, view.labels)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()


class NoRegularizer(Regularizer):
    """No term."""

    players = frozenset()


class NoAugmentation(Augmentation):
    """No change."""

    identity = True

    def apply(self, images: Tensor, random: torch.Generator, state: Any) -> Tensor:
        return images


def made_up_samples(data: DataSpec, count: int, seed: int = 0) -> ImageData:
    """Random samples, the same ones every time."""
    random = torch.Generator().manual_seed(seed)
    shape = (count, *data.shape)
    if data.kind == "points":
        images = 2 * torch.rand(shape, generator=random) - 1
    else:
        images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)
    labels = torch.arange(count) % data.classes if data.classes else None
    if not data.source_channels:
        return ImageData(images, labels)
    paired = data.pairing == "paired"
    shape = (count if paired else count - 3, *data.source.shape)
    sources = torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)
    return ImageData(images, labels, sources=sources, paired=paired)


def made_up_images(data: DataSpec, count: int = BATCH, seed: int = 0) -> Tensor:
    """(count, c, h, w) float32 in [-1, 1]."""
    images = made_up_samples(data, count, seed).images
    return images if data.kind == "points" else images.float() / 127.5 - 1
