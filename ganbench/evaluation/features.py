"""The feature pass: samples through feature networks once, for every metric at the same time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ganbench.base.backends import float32_arithmetic, float32_proper
from ganbench.base.errors import UsageError
from ganbench.base.stop_requests import check_stop
from ganbench.base.transfers import to_device
from ganbench.components.data import Modes
from ganbench.components.extractor import FeatureNetwork
from ganbench.components.metric import FeatureSet, Need
from ganbench.evaluation.checked_network import checked_features
from ganbench.evaluation.constant_images import ConstantImages
from ganbench.evaluation.moments import MomentAccumulator, Moments
from ganbench.evaluation.recorded_network import released
from ganbench.evaluation.sources import Source

#: The most samples in each part but the moments.
POOL = 100_000
#: The seed of choices that belong to the protocol, as in torch-fidelity.
SEED = 2020

#: Why a part is missing, unless the source gives a reason.
MISSING = {
    "class_logits": "the extractor has no logits",
    "labels": "the samples have no labels",
    "pairs": "the samples have no target images",
    "modes": "the data has no known modes",
    "generator": "only samples are given, without their generator",
    "held_out": "the real samples have no test split",
}


class NotFiniteError(ValueError):
    """Some features are NaN or infinite."""


def full_precision() -> contextlib.AbstractContextManager[None]:
    """Compute features in full fp32, whatever the precision of the training."""
    return float32_proper()


def choice(count: int, most: int) -> np.ndarray:
    """At most ``most`` of ``count`` indices, ascending, by a fixed seed."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.RandomState(SEED).choice(count, most, replace=False))


@dataclass(frozen=True)
class Passed:
    """The result of a pass.

    :ivar sets: for each network its feature set.
    :ivar count: samples that passed.
    :ivar remark: on samples without content (see `ConstantImages`), or empty.
    """

    sets: list[FeatureSet]
    count: int
    remark: str


def run_pass(
    source: Source,
    places: np.ndarray,
    channels: int,
    networks: Sequence[FeatureNetwork],
    keep: Collection[str],
    device: torch.device,
    *,
    modes: Modes | None = None,
    watch_sameness: bool = False,
    tell: Callable[[int], None] = lambda count: None,
) -> Passed:
    """Run samples through the networks.

    :param places: which of the source's listing, ascending.
    :param keep: the parts that metrics read, among those that take memory: ``images``, ``features``
        and ``class_logits``.
    :param modes: of the mixture that the real samples are drawn from.
    :param watch_sameness: whether to look for samples without content.
    :param tell: receives the number of samples of each batch.
    :raises NotFiniteError: for features that are not finite.
    :raises UsageError: for fewer than 2 samples.
    """
    pool = places[choice(len(places), POOL)]
    rank = np.full(source.count, -1, dtype=np.int64)
    rank[pool] = np.arange(len(pool))
    readers = [_Reader(network, len(pool), keep, device) for network in networks]
    images, labels = _HostRows(len(pool)), _Rows(len(pool), device)
    sameness = ConstantImages()
    count = 0
    with torch.no_grad(), full_precision(), released(networks):
        for batch in source.batches(places, channels, networks[0].batch_size):
            check_stop()
            ranks = rank[batch.positions]
            if watch_sameness:
                sameness.add(batch.images)
            # Plain strides: gray images allow several, and networks choose kernels by strides.
            ready = to_device(batch.images, device).reshape(-1).view(batch.images.shape)
            for reader in readers:
                reader.read(ready, ranks)
            if "images" in keep and len(source.sizes) == 1:
                images.put(ranks, ready)
            if batch.labels is not None:
                labels.put(ranks, to_device(batch.labels, device))
            count += len(batch.positions)
            tell(len(batch.positions))
        moments = [reader.finished(source) for reader in readers]
    shared = _shared_parts(source, pool, modes, images, labels)
    missing = dict(MISSING)
    if len(source.sizes) > 1:
        missing["images"] = f"the images of {source.label} have {len(source.sizes)} sizes"
    sets = []
    for reader, found in zip(readers, moments, strict=True):
        parts = shared | reader.parts() | {"moments": _given(found)}
        sets.append(
            FeatureSet(found.n, min(len(pool), count), reader.network, device, parts, missing)
        )
    return Passed(sets, count, sameness.remark() if watch_sameness else "")


def _shared_parts(
    source: Source, pool: np.ndarray, modes: Modes | None, images: _Rows, labels: _Rows
) -> dict[str, Callable[[], Any]]:
    """The parts that do not depend on the network."""
    parts: dict[str, Callable[[], Any]] = {}
    if images.rows is not None:
        parts["images"] = images.filled
    if labels.rows is not None:
        parts["labels"] = labels.filled
    pairs = source.pairs
    if pairs is not None:
        parts["pairs"] = lambda: pairs[torch.from_numpy(pool).to(pairs.device)].cpu()
    if modes is not None:
        parts["modes"] = _given(modes)
    if source.generator is not None:
        parts["generator"] = _given(source.generator)
    return parts


def _named(source: Source) -> str:
    return f"the {source.split} split of {source.label}" if source.split else source.label


def _given(value: Any) -> Callable[[], Any]:
    return lambda: value


class _Rows:
    """Collects rows that arrive in any order; some may never arrive."""

    def __init__(self, capacity: int, device: torch.device) -> None:
        self._capacity, self.device = capacity, device
        self._there = np.zeros(capacity, dtype=bool)
        self.rows: torch.Tensor | None = None

    def put(self, ranks: np.ndarray, values: torch.Tensor) -> None:
        """Keep the values with a rank of 0 or more."""
        if self.rows is None:
            shape = (self._capacity, *values.shape[1:])
            self.rows = torch.empty(shape, dtype=values.dtype, device=self.device)
        mine = ranks >= 0
        if not mine.all():
            chosen = to_device(torch.from_numpy(np.flatnonzero(mine)), values.device)
            values, ranks = values[chosen], ranks[mine]
        if len(ranks):
            self._keep(ranks, values)

    def _keep(self, ranks: np.ndarray, values: torch.Tensor) -> None:
        assert self.rows is not None
        if ranks[-1] - ranks[0] == len(ranks) - 1:
            self.rows[ranks[0] : ranks[-1] + 1] = values
        else:
            self.rows[to_device(torch.from_numpy(ranks), self.device)] = values
        self._there[ranks] = True

    def filled(self) -> torch.Tensor:
        """The rows that have arrived, in the order of their ranks."""
        assert self.rows is not None
        if not self._there.all():
            there = torch.from_numpy(np.flatnonzero(self._there)).to(self.device)
            self.rows, self._there = self.rows[there], np.ones(len(there), dtype=bool)
        return self.rows


class _HostRows(_Rows):
    """Rows in the host's memory. A copy from a GPU runs while the next batch is computed."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, torch.device("cpu"))
        self._coming: tuple[np.ndarray, torch.Tensor, torch.cuda.Event] | None = None

    def _keep(self, ranks: np.ndarray, values: torch.Tensor) -> None:
        if values.device.type != "cuda":
            super()._keep(ranks, values)
            return
        here = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        here.copy_(values, non_blocking=True)
        arrival = torch.cuda.Event()
        arrival.record(torch.cuda.current_stream(values.device))
        self._arrive()
        self._coming = (ranks, here, arrival)

    def _arrive(self) -> None:
        if self._coming is not None:
            ranks, here, arrival = self._coming
            self._coming = None
            arrival.synchronize()
            super()._keep(ranks, here)

    def filled(self) -> torch.Tensor:
        self._arrive()
        return super().filled()


class _Reader:
    """One network's share of a pass, in batches of its own size."""

    def __init__(
        self, network: FeatureNetwork, capacity: int, keep: Collection[str], device: torch.device
    ) -> None:
        self.network = network
        self._keep, self._device = keep, device
        self._features, self._logits = _Rows(capacity, device), _Rows(capacity, device)
        self._accumulator = MomentAccumulator()
        self._waiting: list[tuple[torch.Tensor, np.ndarray]] = []

    def read(self, images: torch.Tensor, ranks: np.ndarray) -> None:
        if self._waiting and self._waiting[0][0].shape[1:] != images.shape[1:]:
            self._pass(self._joined())  # a batch holds images of one size
        self._waiting.append((images, ranks))
        size = self.network.batch_size
        if sum(len(part) for _, part in self._waiting) < size:
            return
        images, ranks = self._joined()
        whole = len(ranks) // size * size
        for start in range(0, whole, size):
            self._pass((images[start : start + size], ranks[start : start + size]))
        if whole < len(ranks):
            self._waiting.append((images[whole:], ranks[whole:]))

    def finished(self, source: Source) -> Moments:
        if self._waiting:
            self._pass(self._joined())
        if self._accumulator.n < 2:
            number = self._accumulator.n or "no"
            raise UsageError(
                f"{_named(source)} has {number} image{'' if number == 1 else 's'} that can be read; a "
                "measurement needs at least 2"
            )
        try:
            return self._accumulator.moments()
        except ValueError:
            raise NotFiniteError(f"some features of {source.label} are not finite") from None

    def parts(self) -> dict[str, Callable[[], Any]]:
        parts = {}
        if "features" in self._keep:
            parts["features"] = self._features.filled
        if self._logits.rows is not None:
            parts["class_logits"] = self._logits.filled
        return parts

    def _arithmetic(self) -> contextlib.AbstractContextManager[None]:
        """A pass is in fp32; some networks ask for another arithmetic."""
        if self.network.arithmetic == "fp32":
            return contextlib.nullcontext()
        return float32_arithmetic(True, self._device)

    def _joined(self) -> tuple[torch.Tensor, np.ndarray]:
        waiting, self._waiting = self._waiting, []
        if len(waiting) == 1:
            return waiting[0]
        return torch.cat([i for i, _ in waiting]), np.concatenate([r for _, r in waiting])

    def _pass(self, batch: tuple[torch.Tensor, np.ndarray]) -> None:
        check_stop()
        images, ranks = batch
        with self._arithmetic():
            answer = checked_features(self.network, self.network.forward(images), len(images))
        features = answer.features.float()
        self._accumulator.update(features)
        if "features" in self._keep:
            self._features.put(ranks, features)
        if answer.logits is not None and "class_logits" in self._keep:
            self._logits.put(ranks, answer.logits)


def part_of(samples: FeatureSet, indices: torch.Tensor) -> FeatureSet:
    """Some of the samples, with their own moments; without a generator.

    :param indices: (k,) rows of the parts.
    """

    def taken(name: Need) -> Callable[[], Any]:
        def rows() -> torch.Tensor:
            stored = samples.stored(name)
            return stored[indices.to(stored.device)]

        return rows

    rows: tuple[Need, ...] = ("images", "features", "class_logits", "labels", "pairs")
    parts: dict[str, Callable[[], Any]] = {
        name: taken(name) for name in rows if samples.lacks(name) is None
    }
    for name in ("modes", "held_out"):
        if samples.lacks(name) is None:
            parts[name] = lambda name=name: getattr(samples, name)  # type: ignore[misc]
    if "features" in parts:
        features = parts["features"]
        parts["moments"] = lambda: Moments.from_features(features())
    missing = {name: samples.lacks(name) or MISSING["generator"] for name in MISSING}
    number = len(indices)
    return FeatureSet(number, number, samples.extractor, samples.device, parts, missing)
