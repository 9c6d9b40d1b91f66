"""The data of a trial, and its way to the device."""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader

from ganbench.base.pixels import to_float
from ganbench.components.data import DataSpec, ImageData
from ganbench.training.order import Order
from ganbench.training.streams import derive_seed
from ganbench.training.variation import Variation


@dataclass(frozen=True)
class TrainingData:
    """The training split as a trial uses it.

    :ivar source: ImageData on the training device, or on the CPU if it would leave too little room
        there; else a ``torch.utils.data`` data set.
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


#: What a batch is made from, as it lies on the device: indices of samples, or raw samples.
Inputs = tuple[torch.Tensor, ...]


class Batches(abc.ABC):
    """Endless batches; ``position`` is the number of samples handed out so far.

    The host's part is apart from the device's: `begin_step` chooses the inputs of a step's batches, and
    `next` makes a batch from them, with operations that a graph can record.

    :param batch_size: of the whole batch, of which each of the variation's replicas has a part.
    :param each: batches in a step.
    """

    def __init__(
        self,
        order: Order,
        batch_size: int,
        device: torch.device,
        variation: Variation,
        each: int = 1,
    ) -> None:
        self.position = 0
        self.order = order
        self.batch_size = batch_size
        self.device = device
        self.each = each
        self._variation = variation
        self._share = variation.replicas.share
        self._current: list[Inputs] = []
        self._turn = 0
        self._held: list[torch.Tensor] | None = None
        self._marked: list[list[Inputs]] | None = None
        self._ahead: deque[list[Inputs]] = deque()

    def load(self, steps: int) -> None:
        """Bring what the next steps read to the device at once, where that is possible."""
        return

    def begin_step(self) -> None:
        """Choose the inputs of the next step's batches."""
        taken = self._ahead.popleft() if self._ahead else self._take()
        if self._marked is not None:
            self._marked.append(taken)
        self.position += self.each * self.batch_size
        self._turn = 0
        if self._held is None:
            self._current = taken
        else:
            flat = [tensor for inputs in taken for tensor in inputs]
            torch._foreach_copy_(self._held, flat, non_blocking=True)

    def next(self) -> Batch:
        """The step's next batch, on the device; outside of a step, the first of another one."""
        if self._turn == len(self._current):
            self.begin_step()
        self._turn += 1
        return self._make(*self._current[self._turn - 1])

    def hold(self) -> None:
        """From now on, keep the inputs of every step in the same tensors."""
        self.mark()
        self.begin_step()
        self._current = [tuple(t.clone() for t in inputs) for inputs in self._current]
        self._held = [tensor for inputs in self._current for tensor in inputs]
        self.rewind()
        self.release()

    def mark(self) -> None:
        """Remember this place for `rewind`, until `release`."""
        self._marked = []

    def rewind(self) -> None:
        """Go back to the mark: the same steps come again."""
        assert self._marked is not None
        self._ahead.extendleft(reversed(self._marked))
        self.position -= len(self._marked) * self.each * self.batch_size
        self._marked = []

    def release(self) -> None:
        """Forget the mark."""
        self._marked = None

    def seek(self, position: int) -> None:
        """Go on from a position, as a resumed trial does."""
        self.position = position
        self._ahead.clear()
        self._turn = len(self._current)

    @abc.abstractmethod
    def restart(self, seed: int) -> None:
        """Begin again with the order of another seed."""

    @abc.abstractmethod
    def _take(self) -> list[Inputs]:
        """The inputs of the step at the present position, one for each batch."""

    @abc.abstractmethod
    def _make(self, *inputs: torch.Tensor) -> Batch:
        """The batch of some inputs, on the device."""


class MemoryBatches(Batches):
    """Batches of data in memory, by the indices of their samples."""

    def __init__(
        self,
        data: ImageData,
        order: Order,
        batch_size: int,
        variation: Variation,
        each: int = 1,
        device: torch.device | None = None,
    ) -> None:
        super().__init__(order, batch_size, device or data.images.device, variation, each)
        self._data = data
        self._orders = self._both(order.seed)

    def restart(self, seed: int) -> None:
        self.order = Order(self.order.samples, seed)
        self._orders = self._both(seed)
        self.seek(0)

    def _both(self, seed: int) -> list[Order]:
        """The order of the images, and that of sources that do not belong to an image."""
        sources = self._data.sources
        if sources is None or self._data.paired:
            return [self.order]
        return [self.order, Order(len(sources), derive_seed(seed, "sources"))]

    def _indices(self, steps: int) -> Inputs:
        """For each order, the (steps, batches, batch size) indices of steps, on the CPU.

        The last dimension is this replica's part of the batch.
        """
        shape = (steps, self.each, self.batch_size)
        count = steps * self.each * self.batch_size
        whole = (order.indices(self.position, count).view(shape) for order in self._orders)
        return tuple(self._share(indices, 2) for indices in whole)

    def _varied(
        self, images: torch.Tensor, labels: torch.Tensor | None, sources: torch.Tensor | None
    ) -> Batch:
        """The batch of raw images and sources."""
        if sources is None:
            (varied,) = self._variation.apply(to_float(images))
            return Batch(varied, labels)
        if self._data.paired:
            varied, varied_sources = self._variation.apply(to_float(images), to_float(sources))
            return Batch(varied, labels, varied_sources)
        (varied,) = self._variation.apply(to_float(images))
        (varied_sources,) = self._variation.apply(to_float(sources))
        return Batch(varied, labels, varied_sources)


class ResidentBatches(MemoryBatches):
    """Batches of data that lives on the device as one tensor: a batch is a gather there.

    The indices of a whole stretch of steps go to the device in one transfer.
    """

    _block: Inputs = ()
    _start = 0

    def load(self, steps: int) -> None:
        self._start, self._block = self.position, self._here(steps)

    def restart(self, seed: int) -> None:
        super().restart(seed)
        self._block = ()

    def _take(self) -> list[Inputs]:
        step, rest = divmod(self.position - self._start, self.each * self.batch_size)
        block = self._block
        if rest or not block or not 0 <= step < len(block[0]):
            step, block = 0, self._here(1)
        return [tuple(kind[step, turn] for kind in block) for turn in range(self.each)]

    def _make(self, *inputs: torch.Tensor) -> Batch:
        data, here = self._data, inputs[0]
        labels = None if data.labels is None else data.labels[here]
        sources = None if data.sources is None else data.sources[inputs[-1]]
        return self._varied(data.images[here], labels, sources)

    def _here(self, steps: int) -> Inputs:
        if self.device.type == "cpu":
            return self._indices(steps)
        return tuple(_sent(indices, self.device) for indices in self._indices(steps))


class HostBatches(MemoryBatches):
    """Batches of data in the host's memory: a gather there, and a transfer for each batch."""

    def _take(self) -> list[Inputs]:
        each = zip(*(indices[0] for indices in self._indices(1)), strict=True)
        return [self._gathered(*indices) for indices in each]

    def _gathered(self, *indices: torch.Tensor) -> Inputs:
        data = self._data
        parts = ((data.images, 0), (data.labels, 0), (data.sources, -1))
        return tuple(
            _sent(tensor[indices[at]], self.device) for tensor, at in parts if tensor is not None
        )

    def _make(self, *inputs: torch.Tensor) -> Batch:
        labels = None if self._data.labels is None else inputs[1]
        return self._varied(inputs[0], labels, None if self._data.sources is None else inputs[-1])


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
        each: int = 1,
    ) -> None:
        super().__init__(order, batch_size, device, variation, each)
        self._dataset, self._workers, self._labeled = dataset, workers, labeled
        self._iterator: Iterator[Any] | None = None

    def seek(self, position: int) -> None:
        super().seek(position)
        self._iterator = None

    def restart(self, seed: int) -> None:
        self.order = Order(self.order.samples, seed)
        self.seek(0)

    def _take(self) -> list[Inputs]:
        if self._iterator is None:
            self._iterator = iter(self._loader())
        return [self._sent(*next(self._iterator)) for _ in range(self.each)]

    def _sent(self, raw: torch.Tensor, labels: torch.Tensor) -> Inputs:
        kept = (raw, labels) if self._labeled else (raw,)
        return tuple(tensor.to(self.device, non_blocking=True) for tensor in kept)

    def _make(self, *inputs: torch.Tensor) -> Batch:
        (images,) = self._variation.apply(to_float(inputs[0]))
        return Batch(images, inputs[1] if self._labeled else None)

    def _loader(self) -> DataLoader[Any]:
        return DataLoader(
            self._dataset,
            batch_sampler=_Ahead(Order(self.order.samples, self.order.seed), self, self._share),
            num_workers=self._workers,
            pin_memory=self.device.type == "cuda",
            # Its own generator: the loader must not draw from the trial's global stream.
            generator=torch.Generator().manual_seed(self.order.seed),
        )


class _Ahead:
    """Index batches from a position on, for a DataLoader."""

    def __init__(
        self, order: Order, batches: Batches, share: Callable[[torch.Tensor], torch.Tensor]
    ) -> None:
        self._share = share
        self._order, self._start, self._size = order, batches.position, batches.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        position = self._start
        while True:
            yield self._share(self._order.indices(position, self._size)).tolist()
            position += self._size


def _sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor of the host on the device; the host does not wait for the transfer."""
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)
