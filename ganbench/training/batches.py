"""Real batches: which samples come when, and how they reach the device."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader

from ganbench.components.data import ImageData
from ganbench.training.streams import derive_seed


class Batch(NamedTuple):
    """``images`` (batch, c, h, w) float32 in [-1, 1]; ``labels`` (batch,) int64 or None."""

    images: torch.Tensor
    labels: torch.Tensor | None


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


class Batches(abc.ABC):
    """Endless batches; ``position`` is the number of samples handed out so far."""

    def __init__(
        self, order: Order, batch_size: int, device: torch.device, flip: torch.Generator | None
    ) -> None:
        self.position = 0
        self.order = order
        self.batch_size = batch_size
        self.device = device
        self._flip = flip

    def next(self) -> Batch:
        """The next batch, on the device."""
        raw, labels = self._fetch(self.order.indices(self.position, self.batch_size))
        self.position += self.batch_size
        return Batch(self._transform(raw), labels)

    def seek(self, position: int) -> None:
        """Go on from a position, as a resumed trial does."""
        self.position = position

    @abc.abstractmethod
    def _fetch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Raw samples and labels at ``indices``, on the device."""

    def _transform(self, raw: torch.Tensor) -> torch.Tensor:
        images = to_float(raw)
        if self._flip is None:
            return images
        heads = torch.rand(len(images), 1, 1, 1, generator=self._flip, device=self.device) < 0.5
        return torch.where(heads, images.flip(3), images)


class ResidentBatches(Batches):
    """Batches of data that lives on the device as one tensor: a batch is a gather."""

    def __init__(
        self, data: ImageData, order: Order, batch_size: int, flip: torch.Generator | None
    ) -> None:
        super().__init__(order, batch_size, data.images.device, flip)
        self._data = data

    def _fetch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        if self.device.type != "cpu":
            indices = indices.pin_memory().to(self.device, non_blocking=True)
        labels = self._data.labels
        return self._data.images[indices], None if labels is None else labels[indices]


class StreamedBatches(Batches):
    """Batches of data that does not fit in memory, loaded ahead by worker processes."""

    def __init__(
        self,
        dataset: Any,
        order: Order,
        batch_size: int,
        device: torch.device,
        flip: torch.Generator | None,
        workers: int,
        labelled: bool,
    ) -> None:
        super().__init__(order, batch_size, device, flip)
        self._dataset, self._workers, self._labelled = dataset, workers, labelled
        self._iterator: Iterator[Any] | None = None

    def seek(self, position: int) -> None:
        super().seek(position)
        self._iterator = None

    def _fetch(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        if self._iterator is None:
            self._iterator = iter(self._loader())
        images, labels = next(self._iterator)
        images = images.to(self.device, non_blocking=True)
        return images, labels.to(self.device, non_blocking=True) if self._labelled else None

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
    """Index batches from a position on, for a DataLoader that reads ahead."""

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
    """Float images in [-1, 1] -> uint8, rounded half up and clamped, as every metric wants them."""
    return images.float().mul(127.5).add_(128).clamp_(0, 255).to(torch.uint8)
