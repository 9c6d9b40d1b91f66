"""Sources of images, and how they reach the feature network in batches.

A source lists images and hands over those at given places of its listing. A batch holds images of equal
height and width.
"""

from __future__ import annotations

import abc
import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from ganbench.base.channels import in_view
from ganbench.base.errors import UsageError, reason
from ganbench.base.image_files import Encoded, ImageFiles, shown
from ganbench.base.images import Trait, decode_image
from ganbench.base.transfers import to_device
from ganbench.components.data import DataSpec
from ganbench.evaluation.background import in_background
from ganbench.evaluation.image_index import index_images

#: The most bytes of decoded images that wait for the network, beside a single batch.
WAITING = 256 * 2**20
_TOGETHER = 8  # files decoded in one task
_NAMED = 10  # broken files that a message names


class Batch(NamedTuple):
    """Images of one size.

    :ivar positions: (b,) places in the source's listing.
    :ivar images: (b, c, h, w) uint8, or float32 points.
    :ivar labels: (b,) their classes, or None.
    """

    positions: np.ndarray
    images: torch.Tensor
    labels: torch.Tensor | None = None


class Source(abc.ABC):
    """Images of one side.

    :ivar label: its name in messages.
    :ivar kind: ``folder``, ``archive``, ``npz``, ``dataset``, ``trial`` or ``images``.
    :ivar count: images in the listing.
    :ivar channels: of the images, or the coordinates of points.
    :ivar alpha: whether the last channel is opacity.
    :ivar sizes: (height, width) -> number of images.
    :ivar points: whether the samples are points instead of images.
    :ivar split: of a data set, or None.
    :ivar notes: warnings for the user.
    :ivar pairs: (count, c, h, w) uint8: the right image of each translation, or None.
    :ivar generator: the function that makes the images, as in `FeatureSet`, or None.
    """

    kind: str
    points = False
    alpha = False
    split: str | None = None
    pairs: torch.Tensor | None = None
    generator: Callable[..., torch.Tensor] | None = None

    def __init__(
        self, label: str, count: int, channels: int, sizes: Mapping[tuple[int, int], int]
    ) -> None:
        self.label, self.count, self.channels = label, count, channels
        self.sizes = Counter(dict(sizes))
        self.notes: list[str] = []

    @abc.abstractmethod
    def content(self) -> str | None:
        """A hash of the images' files or tensors; None if unknown beforehand."""

    @abc.abstractmethod
    def batches(self, positions: np.ndarray, channels: int, size: int) -> Iterator[Batch]:
        """The images at these (ascending) places, ``size`` at a time or fewer.

        :param channels: 1 or 3: gray images are repeated, color images turn gray; or the source's own.
        """

    def finite(self) -> bool:
        """Whether all values that were handed over are finite."""
        return True

    @property
    def skipped(self) -> int:
        """Number of broken files that were left out, as far as known."""
        return 0

    def places(self) -> np.ndarray:
        """The places that hold images, as far as known beforehand."""
        return np.arange(self.count)


class FileSource(Source):
    """Image files in a folder or an archive, decoded as for data sets (see `ganbench.base.images`).

    The notes name the images that torch-fidelity reads differently.

    :param skip_broken: whether unreadable files are left out; else they are an error.
    :param tell: as in `index_images`.
    """

    def __init__(
        self,
        label: str,
        files: ImageFiles,
        cache: Path,
        skip_broken: bool = False,
        tell: Callable[[int], None] = lambda count: None,
    ) -> None:
        self.kind = "folder" if files.location.is_dir() else "archive"
        self._files, self._skip = files, skip_broken
        self._known = index_images(files, cache, tell)
        super().__init__(
            label, len(files.names), 3 if self._known.channels[3] else 1, self._known.sizes
        )
        self.broken = dict(self._known.broken)
        if self.broken and (not skip_broken or len(self.broken) == self.count):
            raise self._refusal()
        self.notes += _differences(label, self._known.traits)

    def content(self) -> str:
        return self._known.content

    @property
    def skipped(self) -> int:
        return len(self.broken)

    def places(self) -> np.ndarray:
        return np.setdiff1d(np.arange(self.count), list(self._known.broken))

    def broken_names(self) -> list[str]:
        """The first broken files, each with its reason."""
        first = sorted(self.broken)[:_NAMED]
        return [f"{shown(self._files.names[p])} ({shown(self.broken[p])})" for p in first]

    def batches(self, positions: np.ndarray, channels: int, size: int) -> Iterator[Batch]:
        """Decoded in background threads. An error names all broken files.

        :raises UsageError: for broken files, after the last file.
        """
        area = max(height * width for height, width in self.sizes) * channels
        ahead = max(_TOGETHER, min(4 * size, WAITING // (2 * area)))
        decode = _Decoder(3 if channels == 3 else 1)
        decoded = in_background(decode, self._files.read(positions.tolist()), ahead, _TOGETHER)
        yield from grouped(self._readable(decoded), size, WAITING // 2)
        if self.broken and not self._skip:
            raise self._refusal()

    def _readable(self, decoded: Iterable[_Decoded]) -> Iterator[tuple[int, np.ndarray]]:
        for position, image in decoded:
            if isinstance(image, str):
                self.broken[position] = image
            elif self._skip or not self.broken:  # after the first broken file, only find the others
                yield position, image

    def _refusal(self) -> UsageError:
        number, names = len(self.broken), "; ".join(self.broken_names())
        more = f"; and {number - _NAMED} more" if number > _NAMED else ""
        if number == self.count:
            return UsageError(
                f"none of the {number} images in {self.label} can be read: {names}{more}"
            )
        return UsageError(
            f"{number} of the {self.count} images in {self.label} cannot be read: {names}{more}; "
            "repair or remove them, or leave them out with --skip-broken"
        )


class TensorSource(Source):
    """Images in memory: a data set's split, or tensors of a caller.

    :param images: (n, c, h, w) uint8, or float32 points.
    :param labels: (n,) their classes, or None.
    """

    kind = "images"

    def __init__(
        self, label: str, images: torch.Tensor, labels: torch.Tensor | None = None
    ) -> None:
        _, channels, height, width = images.shape
        super().__init__(label, len(images), channels, {(height, width): len(images)})
        self.points = images.dtype != torch.uint8
        self._images, self._labels = images, labels

    def content(self) -> str:
        return self._hash

    @functools.cached_property
    def _hash(self) -> str:
        return content_hash(self._images, self._labels)

    def batches(self, positions: np.ndarray, channels: int, size: int) -> Iterator[Batch]:
        for start in range(0, len(positions), size):
            part = positions[start : start + size]
            rows = to_device(torch.from_numpy(part), self._images.device)
            images = self._images[rows]
            labels = None if self._labels is None else self._labels[rows]
            yield Batch(
                part, images if self.points else in_channels(images, channels, self.alpha), labels
            )


class StreamedSource(Source):
    """A data set that does not fit in memory.

    :param dataset: ``torch.utils.data`` data set of (uint8 image (c, h, w), label) pairs.
    :param content: a hash of its content.
    """

    kind = "dataset"

    def __init__(self, label: str, dataset: Any, content: str, data: DataSpec) -> None:
        channels, height, width = data.shape
        super().__init__(label, len(dataset), channels, {(height, width): len(dataset)})
        self._dataset, self._content, self._labeled = dataset, content, data.classes > 0

    def content(self) -> str:
        return self._content

    def batches(self, positions: np.ndarray, channels: int, size: int) -> Iterator[Batch]:
        def load(position: int) -> tuple[torch.Tensor, int]:
            image, label = self._dataset[position]
            return torch.as_tensor(image), -1 if label is None else int(label)

        waiting: list[torch.Tensor] = []
        labels: list[int] = []
        done = 0
        for image, label in in_background(load, positions.tolist(), 4 * size, _TOGETHER):
            waiting.append(image)
            labels.append(label)
            if len(waiting) == size or done + len(waiting) == len(positions):
                part = positions[done : done + len(waiting)]
                known = torch.tensor(labels) if self._labeled else None
                images = in_channels(torch.stack(waiting), channels, self.alpha)
                yield Batch(part, images, known)
                done, waiting, labels = done + len(waiting), [], []


def content_hash(images: torch.Tensor, labels: torch.Tensor | None = None) -> str:
    """A hash of images and their labels."""
    digest = hashlib.sha256(repr((tuple(images.shape), str(images.dtype))).encode())
    digest.update(images.cpu().contiguous().numpy().data)
    if labels is not None:
        digest.update(labels.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def in_channels(images: torch.Tensor, channels: int, alpha: bool = False) -> torch.Tensor:
    """(b, c, h, w) uint8 with 1 or 3 channels, or with their own number.

    Gray is Pillow's (ITU-R 601-2 luma). Of other channels, see `ganbench.base.channels`.

    :param alpha: whether the last channel is opacity.
    """
    if images.shape[1] == channels:
        return images
    images = in_view(images, alpha)
    if images.shape[1] == 1 or images.shape[1] == channels:
        return images.expand(-1, channels, -1, -1)
    red, green, blue = images.to(torch.int32).unbind(1)
    gray = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16
    return gray.to(torch.uint8).unsqueeze(1)


def grouped(images: Iterable[tuple[int, np.ndarray]], size: int, most: int) -> Iterator[Batch]:
    """Batches of images of equal shape, as they fill up.

    :param images: (position, (c, h, w) uint8) pairs.
    :param most: bytes that may wait for their batch to fill; beyond, the largest group goes.
    """
    groups: dict[tuple[int, ...], list[tuple[int, np.ndarray]]] = {}
    waiting = 0
    for position, image in images:
        groups.setdefault(image.shape, []).append((position, image))
        waiting += image.nbytes
        full = image.shape if len(groups[image.shape]) == size else None
        if full is None and waiting > most:
            full = max(groups, key=lambda shape: len(groups[shape]) * int(np.prod(shape)))
        if full is not None:
            batch = _stacked(groups.pop(full))
            waiting -= batch.images.nbytes
            yield batch
    yield from map(_stacked, groups.values())


_Decoded = tuple[int, np.ndarray | str]


class _Decoder:
    """From an encoded image to (c, h, w) uint8, or to the reason why it cannot be decoded."""

    def __init__(self, channels: Literal[1, 3]) -> None:
        self._channels = channels

    def __call__(self, encoded: Encoded) -> _Decoded:
        try:
            image = decode_image(encoded.read(), self._channels)
        except Exception as error:  # a damaged archive may raise anything
            return encoded.position, reason(error)
        return encoded.position, image.transpose(2, 0, 1)


def _stacked(group: list[tuple[int, np.ndarray]]) -> Batch:
    positions = np.array([position for position, _ in group], dtype=np.int64)
    return Batch(positions, torch.from_numpy(np.stack([image for _, image in group])))


#: How torch-fidelity, the source of most published numbers, reads images with a trait.
_DIFFERENCES: Mapping[Trait, str] = {
    "16 bits": "16-bit gray images are scaled to 8 bits ({}); torch-fidelity clips them at 255",
    "transparent": "transparent images are composited on white ({}); torch-fidelity drops the alpha",
    "turned": "images are rotated by their EXIF orientation ({}); torch-fidelity does not rotate them",
}


def _differences(label: str, traits: Mapping[Trait, int]) -> Iterator[str]:
    for trait, what in _DIFFERENCES.items():
        if traits.get(trait):
            yield f"{label}: {what.format(traits[trait])}"
