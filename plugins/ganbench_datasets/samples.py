"""Decoded images in the form that a data set returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganbench import ImageData
from ganbench_datasets.decoded import Decoded


class MappedImages(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """(uint8 image (c, h, w), label) pairs, read from disk on demand.

    :ivar notes: as in `ImageData`.
    :ivar labels: the label of each item, or None without classes.
    """

    def __init__(
        self, decoded: Decoded, labels: Sequence[int] | None, notes: tuple[str, ...]
    ) -> None:
        assert isinstance(decoded.images, np.memmap)
        self._images = decoded.images
        self._rows = decoded.readable()
        self._labels = labels
        self.labels = None if labels is None else [labels[row] for row in self._rows]
        self.notes = notes

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """The label is 0 without classes."""
        row = self._rows[index]
        image = torch.from_numpy(np.array(self._images[row]))  # a copy: the map is read-only
        return image, 0 if self._labels is None else self._labels[row]

    def __getstate__(self) -> dict[str, Any]:
        """For loader processes: the file's name instead of its content."""
        return {**self.__dict__, "_images": str(self._images.filename)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        images = np.load(state["_images"], mmap_mode="r", allow_pickle=False)
        self.__dict__.update(state, _images=images)


def as_samples(
    decoded: Decoded,
    labels: Sequence[int] | None,
    class_names: tuple[str, ...],
    notes: tuple[str, ...],
    alpha: bool = False,
) -> ImageData | MappedImages:
    """Those of the images that could be read, as `ImageData` if they are in memory.

    :param alpha: as in `ImageData`.
    """
    if not decoded.in_memory:
        return MappedImages(decoded, labels, notes)
    images = torch.from_numpy(decoded.images)
    targets = None if labels is None else torch.tensor(labels, dtype=torch.int64)
    if decoded.broken:
        rows = torch.tensor(decoded.readable())
        images = images[rows]
        targets = None if targets is None else targets[rows]
    return ImageData(images, targets, class_names, notes, alpha=alpha)
