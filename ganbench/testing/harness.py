"""Real training on made-up data, with partners that stand in for what is not under test."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus
from torch.utils._pytree import tree_leaves

from ganbench.components.architecture import (
    CRITIC_CLASSES,
    CRITIC_FEATURES,
    PER_SAMPLE_CRITIC,
    STYLES,
    Architecture,
    Critique,
    Networks,
)
from ganbench.components.augmentation import Augmentation
from ganbench.components.base import Component, option
from ganbench.components.column import Column
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.dataset import Dataset
from ganbench.components.extractor import Extractor, ExtractorContext, FeatureNetwork
from ganbench.components.loss import Loss
from ganbench.components.metric import FeatureSet, Metric
from ganbench.components.regularizer import Regularizer
from ganbench.components.view import View
from ganbench.grid.cell import Cell
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand
from ganbench.registry import Registry
from ganbench.registry.options import canonical_spec
from ganbench.registry.plugins import PluginRecord, Registration
from ganbench.training.data import TrainingData
from ganbench.training.state import newest_checkpoint, save_checkpoint
from ganbench.training.streams import global_random_state
from ganbench.training.trainer import Trainer

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

    def spec(self, root: Path) -> DataSpec:
        return DataSpec(**vars(self))

    def load(self, split: str, root: Path) -> ImageData:
        return made_up_samples(self.spec(root), 4 * BATCH)


class MadeUpExtractor(Extractor):
    """Never used, since nothing is evaluated."""

    def prepare(self, context: ExtractorContext) -> FeatureNetwork:
        raise NotImplementedError


class MadeUpMetric(Metric):
    """Never used either."""

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
    """The same, told the labels of its samples: for what learns from classes."""

    task = "class-conditional"


class PartnerGenerator(nn.Module):
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
    def __init__(self, data: DataSpec) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(data.shape), 16), nn.Tanh())
        self.judge = nn.Linear(16, 1)
        self.classify = nn.Linear(16, data.classes) if data.classes else None

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Critique:
        features = self.layers(images)
        classes = None if self.classify is None else self.classify(features)
        return Critique(self.judge(features).squeeze(1), features, classes)


class PartnerLoss(Loss):
    """The logistic loss, and that of a classifier for a discriminator that is one as well."""

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


def make_trainer(
    data: DataSpec,
    *,
    architecture: Architecture | None = None,
    loss: Loss | None = None,
    regularizers: Sequence[Regularizer] = (),
    augmentations: Sequence[Augmentation] = (),
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
) -> Trainer:
    """A trainer on made-up data, with partners for what is not given.

    :param settings: training settings that differ from what the components recommend.
    :raises AssertionError: if the components do not go together or their networks do not fit.
    """
    chosen = loss or PartnerLoss()
    if architecture is None:
        architecture = ConditionalPartner() if CRITIC_CLASSES in chosen.needs else Partner()
    cell = make_cell(data, architecture, chosen, regularizers, augmentations, settings)
    assert cell.reason is None, f"no trial on {data} can work: {cell.reason}"
    samples = made_up_samples(data, 4 * BATCH)
    held_out = samples if data.source_channels else None
    trainer = Trainer(cell, seed, TrainingData(data, samples, held_out=held_out), CPU)
    problem = trainer.problem()
    assert problem is None, f"on {data}: {problem}"
    return trainer


def make_cell(
    data: DataSpec,
    architecture: Architecture,
    loss: Loss,
    regularizers: Sequence[Regularizer] = (),
    augmentations: Sequence[Augmentation] = (),
    settings: Mapping[str, Any] | None = None,
) -> Cell:
    """A cell of these components, expanded from a grid as any other."""
    made_up = MadeUpData(**vars(data))
    axes: dict[str, Sequence[Component]] = {
        "architecture": [architecture],
        "loss": [loss],
        "dataset": [made_up],
        "regularizer": regularizers or [_NoRegularizer()],
        "augmentation": augmentations or [_NoAugmentation()],
    }
    record = PluginRecord("testing", "testing", "0", "ganbench.testing")
    registrations = [
        Registration("extractor", "made-up", MadeUpExtractor, "", record),
        Registration("metric", "made-up", MadeUpMetric, "", record),
    ]
    specs: dict[str, str] = {}
    for kind, components in axes.items():
        names = [f"part-{number}" for number in range(len(components))]
        specs[kind] = "+".join(map(canonical_spec, names, components))
        registrations += [
            Registration(kind, name, type(component), "", record)
            for name, component in zip(names, components, strict=True)
        ]
    evaluation = {"metrics": ["made-up"], "primary": "made_up"}
    training = {"batch_size": BATCH, **(settings or {})}
    grid = Grid(specs, training=training, evaluation=evaluation)
    (cell,) = expand(grid, Path(), Registry([record], registrations)).cells
    return cell


class _NoRegularizer(Regularizer):
    players = frozenset()


class _NoAugmentation(Augmentation):
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


def through_checkpoint(stopped: Trainer, make: Callable[[], Trainer]) -> Trainer:
    """A trainer that ``make`` makes, brought to where ``stopped`` is by a checkpoint on the disk.

    It is made after the checkpoint is written: making one seeds the global random state.
    """
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(Path(folder), "state", stopped.state_dict())
        state, problems = newest_checkpoint(Path(folder))
    assert state is not None, problems
    resumed = make()
    resumed.load_state_dict(state)
    return resumed


def check_checkpoint(make: Callable[[], Trainer], where: str) -> None:
    """Fail if a training does not go on to the same bits after a checkpoint.

    :param where: what should hold the tensors, and who keeps them.
    """
    straight = make()  # one after the other: layers that draw noise use the global random state
    straight.time_steps(4)
    stopped = make()
    stopped.time_steps(2)
    resumed = through_checkpoint(stopped, make)
    resumed.time_steps(2)
    same = map(torch.equal, kept_by(straight), kept_by(resumed))
    assert all(same), f"a training goes on otherwise after a checkpoint: {where}"


def kept_by(trainer: Trainer) -> list[Tensor]:
    """Every tensor that a checkpoint holds of a training, but for its measurements."""
    state = trainer.state_dict()
    del state["series"], state["train_seconds"]
    return [leaf for leaf in tree_leaves(state) if isinstance(leaf, Tensor)]


def weights(network: nn.Module) -> list[Tensor]:
    """Everything that a checkpoint holds of a network."""
    return list(network.state_dict().values())


@contextlib.contextmanager
def own_randomness(what: str) -> Iterator[None]:
    """Fail if ``what`` draws from torch's, Python's or NumPy's global random state."""
    before = _fingerprint()
    yield
    assert _fingerprint() == before, (
        f"{what} draws from a global random state, which belongs to the training: draw from the "
        "torch.Generator that is handed over, or from one of your own"
    )


def _fingerprint() -> str:
    state = global_random_state(CPU)
    return repr([state.pop("torch").tolist(), state])
