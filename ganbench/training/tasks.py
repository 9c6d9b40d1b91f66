"""Tasks: how a batch becomes the inputs of the two players. All tasks have the same step.

A task makes a `TaskBatch` from a batch: pairs of a real and a generated batch, which the discriminator
judges, and the generator's own terms. Training from latents has one pair.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import torch

from ganbench.components.architecture import STYLES, Architecture, Networks, Translation
from ganbench.components.data import DataSpec
from ganbench.components.progress import Progress
from ganbench.training.batches import Batch
from ganbench.training.compiled import Calls
from ganbench.training.critic import call_with_labels
from ganbench.training.precision import Arithmetic


@dataclass(frozen=True)
class RealFakePair:
    """A real and a generated batch, which the discriminator must tell apart.

    :ivar args: positional arguments of the discriminator beside the images, such as labels.
    :ivar kwargs: its keyword arguments.
    """

    real: torch.Tensor
    fake: torch.Tensor
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskBatch:
    """A batch as a task prepares it.

    :ivar own_terms: computes the generator's own terms, or None.
    """

    pairs: list[RealFakePair]
    labels: torch.Tensor | None = None
    latents: torch.Tensor | None = None
    generate: Callable[[torch.Tensor], torch.Tensor] | None = None
    with_styles: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]] | None = None
    own_terms: Callable[[], torch.Tensor] | None = None


class Task(abc.ABC):
    """How one architecture's generator is used.

    :param calls: the networks, where nothing is differentiated twice.
    """

    def __init__(
        self,
        architecture: Architecture,
        data: DataSpec,
        networks: Networks,
        calls: Calls,
        arithmetic: Arithmetic,
        memory_format: torch.memory_format,
    ) -> None:
        self.architecture, self._data, self._networks = architecture, data, networks
        self._calls = calls
        self._arithmetic, self._memory_format = arithmetic, memory_format

    def stage(self, progress: Progress) -> Hashable:
        """See `Architecture.variant`."""
        return self.architecture.variant(self._data, progress)

    def prepared(self, batch: Batch, progress: Progress) -> Batch:
        """A batch in the form that the networks take; done once for both players."""
        judge = self._networks.discriminator
        images = self.laid_out(self.architecture.judged_images(batch.images, judge, progress))
        sources = None if batch.sources is None else self.laid_out(batch.sources)
        return Batch(images, batch.labels, sources)

    @abc.abstractmethod
    def make(self, batch: Batch) -> TaskBatch:
        """Generate the fake images for a `prepared` batch."""

    def fake_shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the generated images of each pair."""
        return [self._data.shape]

    def laid_out(self, images: torch.Tensor) -> torch.Tensor:
        """The images in the networks' memory format."""
        if self._memory_format is torch.contiguous_format:
            return images
        return images.contiguous(memory_format=self._memory_format)

    def _finished(self, images: object) -> torch.Tensor:
        assert isinstance(images, torch.Tensor)
        return self.laid_out(images.float())


class FromLatents(Task):
    """Unconditional and class-conditional generation."""

    def __init__(
        self,
        *parts: Any,
        sample_latents: Callable[[int], torch.Tensor],
    ) -> None:
        super().__init__(*parts)
        self._sample_latents = sample_latents
        self._conditional = self.architecture.task == "class-conditional"
        self._has_styles = STYLES in self.architecture.capabilities(self._data)

    def make(self, batch: Batch) -> TaskBatch:
        # Fakes get the labels of the real batch, so that both have the data's class frequencies.
        labels = batch.labels if self._conditional else None
        latents = self._sample_latents(len(batch.images))
        fake = self._generate(self._calls.generator, latents, labels)
        return TaskBatch(
            [RealFakePair(batch.images, fake, () if labels is None else (labels,))],
            labels,
            latents,
            # A penalty may differentiate these twice.
            lambda z: self._generate(self._networks.generator, z, labels),
            (lambda z: self._styled(z, labels)) if self._has_styles else None,
        )

    def _generate(
        self, network: Callable[..., Any], latents: torch.Tensor, labels: torch.Tensor | None
    ) -> torch.Tensor:
        with self._arithmetic.autocast():
            return self._finished(call_with_labels(network, latents, labels))

    def _styled(
        self, latents: torch.Tensor, labels: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        # In full precision: the penalty differentiates the images by the styles.
        with self._arithmetic.autocast(enabled=False):
            images, styles = self._networks.generator.with_styles(latents, labels)  # type: ignore[operator]
        return images.float(), styles


class Paired(Task):
    """Translation that learns from pairs: the discriminator sees an image beside its source."""

    def make(self, batch: Batch) -> TaskBatch:
        assert batch.sources is not None
        source, target = batch.sources, batch.images
        with self._arithmetic.autocast():
            fake = self._finished(self._calls.generator(source))
        seen = Translation(source, target, fake, None, lambda x, _: self._calls.generator(x))
        pair = RealFakePair(target, fake, (source,))
        return TaskBatch([pair], own_terms=lambda: self.architecture.generator_terms(seen))


class Unpaired(Task):
    """Translation between two sets of images, in both directions."""

    def make(self, batch: Batch) -> TaskBatch:
        assert batch.sources is not None
        source, target = batch.sources, batch.images
        fake, back = self._translate(source, "b"), self._translate(target, "a")
        seen = Translation(source, target, fake, back, self._translate)
        return TaskBatch(
            [
                RealFakePair(target, fake, kwargs={"domain": "b"}),
                RealFakePair(source, back, kwargs={"domain": "a"}),
            ],
            own_terms=lambda: self.architecture.generator_terms(seen),
        )

    def fake_shapes(self) -> list[tuple[int, ...]]:
        return [self._data.shape, self._data.source.shape]

    def _translate(self, images: torch.Tensor, domain: str) -> torch.Tensor:
        with self._arithmetic.autocast():
            return self._finished(self._calls.generator(images, domain=domain))


def make_task(
    architecture: Architecture,
    data: DataSpec,
    networks: Networks,
    calls: Calls,
    arithmetic: Arithmetic,
    memory_format: torch.memory_format,
    sample_latents: Callable[[int], torch.Tensor],
) -> Task:
    """The task that an architecture names."""
    parts = (architecture, data, networks, calls, arithmetic, memory_format)
    if architecture.task == "paired-translation":
        return Paired(*parts)
    if architecture.task == "unpaired-translation":
        return Unpaired(*parts)
    return FromLatents(*parts, sample_latents=sample_latents)
