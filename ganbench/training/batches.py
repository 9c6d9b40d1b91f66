"""The data of a trial: the order of samples, and their way to the device."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader

from ganbench.components.data import DataSpec, ImageData
from ganbench.training.streams import derive_seed


@dataclass(frozen=True)
class TrainingData:
    """The training split as a trial uses it.

    :ivar source: on the training device if it is ImageData, else a ``torch.utils.data`` data set.
    :ivar held_out: the split whose sources the evaluation translates; None without sources.
    """

    spec: DataSpec
    source: ImageData | Any
    workers: int = 0
    held_out: ImageData | None = None

    @property
    def labels(self) -> torch.Tensor | None:
        """Labels to draw from, with the data's frequencies; None without classes.

        A streamed data set without known labels gets equal frequencies.
        """
        if not self.spec.classes:
            return None
        if isinstance(self.source, ImageData):
            return self.source.labels
        known = getattr(self.source, "labels", None)
        known = getattr(self.source, "targets", None) if known is None else known
        return torch.arange(self.spec.classes) if known is None else torch.as_tensor(known)


class Batch(NamedTuple):
    """One batch.

    :ivar images: (batch, c, h, w) float32 in [-1, 1].
    :ivar labels: (batch,) int64 or None.
    :ivar sources: (batch, c', h, w) float32 in [-1, 1], the images to translate from, or None.
    """

    images: torch.Tensor
    labels: torch.Tensor | None
    sources: torch.Tensor | None = None


class Order:
    """An endless shuffled order of n samples: epoch after epoch, a fresh permutation for each.

    The k-th batch follows from the seed alone, so that a position is a single number.
    """

    def __init__(self, samples: int, seed: int) -> None:
        self.samples = samples
        self.seed = seed
        self._epoch = -1
        self._permutation = torch.empty(0, dtype=torch.int64)

    def indices(self, start: int, count: int) -> torch.Tensor:
        """(count,) indices at positions start, start + 1, … of the order, on the CPU."""
        epoch, offset = divmod(start, self.samples)
        part = self._epoch_order(epoch)[offset : offset + count]
        if len(part) == count:
            return part
        return torch.cat([part, self.indices(start + len(part), count - len(part))])

    def _epoch_order(self, epoch: int) -> torch.Tensor:
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derive_seed(self.seed, "order", epoch))
            self._permutation = torch.randperm(self.samples, generator=generator)
            self._epoch = epoch
        return self._permutation


class Variation:
    """Random mirroring and cropping of real images, equal for an image and its paired source.

    :param flip: the stream that decides about mirroring, or None for no mirroring.
    :param crop: the stream that places crops.
    :param jitter: pixels a side by which images are enlarged before they are cropped.
    """

    def __init__(
        self, flip: torch.Generator | None, crop: torch.Generator | None = None, jitter: int = 0
    ) -> None:
        self._flip, self._crop, self._jitter = flip, crop, jitter

    def apply(self, *stacks: torch.Tensor) -> list[torch.Tensor]:
        """Float (batch, c, h, w) images; image i of every stack is varied alike."""
        varied = list(stacks)
        count, _, height, width = stacks[0].shape
        device = stacks[0].device
        if self._jitter:
            places = torch.randint(
                self._jitter + 1, (2, count, 1), generator=self._crop, device=device
            )
            size = (height + self._jitter, width + self._jitter)
            varied = [_cropped(_enlarged(stack, size), places, height, width) for stack in varied]
        if self._flip is not None:
            heads = torch.rand(count, 1, 1, 1, generator=self._flip, device=device) < 0.5
            varied = [torch.where(heads, stack.flip(3), stack) for stack in varied]
        return varied


class Batches(abc.ABC):
    """Endless batches; ``position`` is the number of samples handed out so far."""

    def __init__(
        self, order: Order, batch_size: int, device: torch.device, variation: Variation
    ) -> None:
        self.position = 0
        self.order = order
        self.batch_size = batch_size
        self.device = device
        self._variation = variation

    def next(self) -> Batch:
        """The next batch, on the device."""
        batch = self._make(self.order.indices(self.position, self.batch_size))
        self.position += self.batch_size
        return batch

    def seek(self, position: int) -> None:
        """Go on from a position, as a resumed trial does."""
        self.position = position

    @abc.abstractmethod
    def _make(self, indices: torch.Tensor) -> Batch:
        """The batch of the samples at ``indices``, on the device."""


class ResidentBatches(Batches):
    """Batches of data that lives on the device as one tensor: a batch is a gather."""

    def __init__(
        self, data: ImageData, order: Order, batch_size: int, variation: Variation
    ) -> None:
        super().__init__(order, batch_size, data.images.device, variation)
        self._data = data
        self._source_order = order
        if data.sources is not None and not data.paired:
            seed = derive_seed(order.seed, "sources")
            self._source_order = Order(len(data.sources), seed)

    def _make(self, indices: torch.Tensor) -> Batch:
        data, here = self._data, self._here(indices)
        labels = None if data.labels is None else data.labels[here]
        images = to_float(data.images[here])
        if data.sources is None:
            (images,) = self._variation.apply(images)
            return Batch(images, labels)
        if data.paired:
            images, sources = self._variation.apply(images, to_float(data.sources[here]))
            return Batch(images, labels, sources)
        others = self._here(self._source_order.indices(self.position, self.batch_size))
        (images,) = self._variation.apply(images)
        (sources,) = self._variation.apply(to_float(data.sources[others]))
        return Batch(images, labels, sources)

    def _here(self, indices: torch.Tensor) -> torch.Tensor:
        if self.device.type == "cpu":
            return indices
        return indices.pin_memory().to(self.device, non_blocking=True)


class StreamedBatches(Batches):
    """Batches of data that does not fit in memory, loaded ahead by worker processes."""

    def __init__(
        self,
        dataset: Any,
        order: Order,
        batch_size: int,
        device: torch.device,
        variation: Variation,
        workers: int,
        labeled: bool,
    ) -> None:
        super().__init__(order, batch_size, device, variation)
        self._dataset, self._workers, self._labeled = dataset, workers, labeled
        self._iterator: Iterator[Any] | None = None

    def seek(self, position: int) -> None:
        super().seek(position)
        self._iterator = None

    def _make(self, indices: torch.Tensor) -> Batch:
        if self._iterator is None:
            self._iterator = iter(self._loader())
        raw, labels = next(self._iterator)
        (images,) = self._variation.apply(to_float(raw.to(self.device, non_blocking=True)))
        return Batch(images, labels.to(self.device, non_blocking=True) if self._labeled else None)

    def _loader(self) -> DataLoader[Any]:
        return DataLoader(
            self._dataset,
            batch_sampler=_Ahead(Order(self.order.samples, self.order.seed), self),
            num_workers=self._workers,
            pin_memory=self.device.type == "cuda",
            # Its own generator: the loader must not draw from the trial's global stream.
            generator=torch.Generator().manual_seed(self.order.seed),
        )


class _Ahead:
    """Index batches from a position on, for a DataLoader."""

    def __init__(self, order: Order, batches: Batches) -> None:
        self._order, self._start, self._size = order, batches.position, batches.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        position = self._start
        while True:
            yield self._order.indices(position, self._size).tolist()
            position += self._size


def to_float(raw: torch.Tensor) -> torch.Tensor:
    """uint8 -> float32 in [-1, 1]; floats pass."""
    if raw.dtype != torch.uint8:
        return raw
    return raw.to(torch.float32).mul_(1 / 127.5).sub_(1)


def to_uint8(images: torch.Tensor) -> torch.Tensor:
    """Float images in [-1, 1] -> uint8, rounded half up and clamped, for the metrics."""
    return images.float().mul(127.5).add_(128).clamp_(0, 255).to(torch.uint8)


def _enlarged(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return torch.nn.functional.interpolate(images, size, mode="bilinear", align_corners=False)


def _cropped(images: torch.Tensor, places: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Image i from its place (top, left) on; ``places`` is (2, batch, 1)."""
    device = images.device
    rows = places[0] + torch.arange(height, device=device)
    columns = places[1] + torch.arange(width, device=device)
    which = torch.arange(len(images), device=device)[:, None, None, None]
    channels = torch.arange(images.shape[1], device=device)[None, :, None, None]
    return images[which, channels, rows[:, None, :, None], columns[:, None, None, :]]
