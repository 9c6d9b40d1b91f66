"""Data sets for translation that are made from the images of another data set."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import ganbench
from ganbench import Dataset, DataSpec, ImageData, Level, UsageError, option

Split = Literal["train", "test"]


class Derived(Dataset):
    """Data made from the images of the data set ``of``; everything else is as in that data set.

    :cvar called: the name in messages.
    """

    called: ClassVar[str]

    of: str = option(
        help="spec of a data set of images, with its options: cifar10, folder[path=photos,size=32]"
    )

    def __post_init__(self) -> None:
        _ = self.inner  # an unknown name or option is an error at once

    @property
    def inner(self) -> Dataset:
        """The data set that this one is made from."""
        dataset: Dataset = ganbench.get("dataset", self.of)
        return dataset

    @property
    def extractor(self) -> str:  # type: ignore[override]
        return self.inner.extractor

    @property
    def splits(self) -> tuple[Split, ...]:  # type: ignore[override]
        return self.inner.splits

    @property
    def recommends(self) -> Mapping[str, Any]:  # type: ignore[override]
        return self.inner.recommends

    def spec(self, root: Path) -> DataSpec:
        """The inner data set's spec, with sources."""
        spec = self.inner.spec(root)
        self._check(spec)
        return self._derived_spec(spec, root)

    def load(self, split: Split, root: Path) -> ImageData:
        """The split, made from the inner data set's split."""
        data = self._images(split, root)
        self._check(data.spec)
        return self._derived(data)

    def fingerprint(self, root: Path) -> str:
        return self.inner.fingerprint(root)

    def diagnose(self, root: Path, cache: Path) -> Iterable[tuple[Level, str]]:
        return self.inner.diagnose(root, cache)

    def _check(self, spec: DataSpec) -> None:
        """Raise UsageError for unsuitable inner data."""
        if spec.kind != "image":
            raise UsageError(f"{self.called} needs images, but {self.of} has {spec}")

    @abc.abstractmethod
    def _derived_spec(self, spec: DataSpec, root: Path) -> DataSpec:
        """The spec with sources."""

    @abc.abstractmethod
    def _derived(self, data: ImageData) -> ImageData:
        """The data with sources."""

    def _images(self, split: Split, root: Path) -> ImageData:
        data = self.inner.load(split, root)
        if not isinstance(data, ImageData):
            raise UsageError(
                f"{self.called} is made in memory, but {self.of} does not fit: choose a smaller "
                "size"
            )
        return data
