"""Detect images without content: each of a single color, or all equal.

They come from misread files, a broken conversion or a collapsed generator. Measurements on them mean
nothing, so ganbench warns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from ganbench.components.data import ImageData

_AT_ONCE = 256


class ConstantImages:
    """Watches a stream of images. It costs nearly nothing once two images differ."""

    def __init__(self) -> None:
        self._count = 0
        self._first: torch.Tensor | None = None
        self._plain = self._equal = True

    @property
    def decided(self) -> bool:
        """Whether no remark is possible any more, whatever images follow."""
        return not self._plain and not self._equal

    def add(self, images: torch.Tensor) -> None:
        """Look at (b, c, h, w) images, uint8, or float32 points."""
        self._count += len(images)
        if self.decided or not len(images):
            return
        first = images[0] if self._first is None else self._first
        self._first = first
        self._plain = self._plain and images.dtype == torch.uint8 and _is_plain(images)
        self._equal = (
            self._equal
            and images.shape[1:] == first.shape
            and bool((images == first.to(images.device)).all())
        )

    def remark(self) -> str:
        """A remark, as the end of a sentence; empty if the images have content."""
        if self._equal and self._count > 1:
            return f"all {self._count:,} images are equal to each other"
        if self._plain and self._count:
            return f"every one of the {self._count:,} images is of a single color"
        return ""


def remark_on(images: Iterable[torch.Tensor]) -> str:
    """The remark on batches of images; stops as soon as no remark can follow."""
    seen = ConstantImages()
    for batch in images:
        seen.add(batch)
        if seen.decided:
            return ""
    return seen.remark()


def remarks_on_split(split: str, source: Any) -> Iterator[str]:
    """The remarks on a split of a data set, as whole sentences.

    :param source: the data that `Dataset.load` returned.
    """
    for what, images in _parts(source):
        remark = remark_on(images)
        if remark:
            yield f"{split} split{what}: {remark}; check that the files are read correctly"


def _parts(source: Any) -> Iterator[tuple[str, Iterable[torch.Tensor]]]:
    if not isinstance(source, ImageData):
        yield "", (torch.as_tensor(source[i][0])[None] for i in range(len(source)))
        return
    yield "", source.images.split(_AT_ONCE)
    if source.sources is not None:
        yield " (sources)", source.sources.split(_AT_ONCE)


def _is_plain(images: torch.Tensor) -> bool:
    return bool((images == images[..., :1, :1]).all())
