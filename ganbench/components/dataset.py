"""The contract of data sets."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ganbench.components.base import Component
from ganbench.components.column import Column
from ganbench.components.data import DataSpec, ImageData, Modes

if TYPE_CHECKING:
    import torch

Split = Literal["train", "test"]


class Dataset(Component):
    """Real samples, by split.

    :cvar extractor: the spec of the feature extractor that ``extractor = "auto"`` stands for.
    :cvar splits: the splits that exist.
    :cvar columns: what `statistics` calls its numbers, and what they mean.
    """

    extractor: ClassVar[str] = "inception-v3-compat"
    splits: ClassVar[tuple[Split, ...]] = ("train", "test")
    columns: ClassVar[tuple[Column, ...]] = ()

    @abc.abstractmethod
    def load(self, split: Split, root: Path) -> ImageData | torch.utils.data.Dataset[Any]:
        """The samples of a split.

        :param root: the data folder (``--data-dir``, ``$GANBENCH_DATA`` or the user's cache).
        :returns: an `ImageData`, or, for what does not fit in memory, a ``torch.utils.data``
            data set whose items are (uint8 image (c, h, w), label) pairs that do not vary, and
            `spec` overridden; an attribute ``labels`` or ``targets`` tells the class frequencies,
            ``notes`` what a person should know, as in `ImageData`.
        :raises DataNotFoundError: if the data is neither there nor to be had; says what to put where.
        """

    def spec(self, root: Path) -> DataSpec:
        """The shape of a sample; override where it is known without loading."""
        data = self.load("train", root)
        if not isinstance(data, ImageData):
            raise TypeError(
                f"{type(self).__name__}.load gives no ImageData, so it must override spec"
            )
        return data.spec

    def fingerprint(self, root: Path) -> str:
        """What tells one content of the data from another, found without reading it all.

        It is part of every trial's identity, so that trials on changed data are trials of their own.
        Empty where the content never changes, as with published data sets.
        """
        return ""

    def mixture(self) -> Modes | None:
        """The mixture that the samples are drawn from; None where that is not so, or not known."""
        return None

    def statistics(self, samples: torch.Tensor) -> dict[str, float]:
        """Metrics that only this data set can compute, since it knows the true distribution.

        :param samples: (n, c, h, w) generated samples, float32 in [-1, 1]; of images, 8-bit values.
        :returns: a value for each of the data set's `columns`; empty by default.
        """
        return {}
