"""The contract of data sets."""

from __future__ import annotations

import abc
from collections.abc import Mapping
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

    :cvar extractor: the spec of the feature extractor that ``extractor = "auto"`` chooses.
    :cvar splits: the splits that exist.
    :cvar columns: the names and the meaning of the numbers of `statistics`.
    """

    extractor: ClassVar[str] = "inception-v3-compat"
    splits: ClassVar[tuple[Split, ...]] = ("train", "test")
    columns: ClassVar[tuple[Column, ...]] = ()

    @abc.abstractmethod
    def load(self, split: Split, root: Path) -> ImageData | torch.utils.data.Dataset[Any]:
        """The samples of a split.

        :param root: the data folder (``--data-dir``, ``$GANBENCH_DATA`` or the user's cache).
        :returns: an `ImageData`, or, for data that does not fit in memory, a ``torch.utils.data``
            data set whose items are (uint8 image (c, h, w), label) pairs that do not vary, and
            `spec` overridden. Its attribute ``labels`` or ``targets`` gives the class frequencies,
            ``notes`` is as in `ImageData`.
        :raises DataNotFoundError: if the data is missing and cannot be downloaded; the message says
            which file to put where.
        """

    def spec(self, root: Path) -> DataSpec:
        """The shape of a sample; override it if the shape is known without loading."""
        data = self.load("train", root)
        if not isinstance(data, ImageData):
            raise TypeError(
                f"{type(self).__name__}.load does not give ImageData, so the class must override spec"
            )
        return data.spec

    def fingerprint(self, root: Path) -> str:
        """A text that changes with the content of the data, found without reading it all.

        Every trial's id hashes it, so trials on changed data get new ids. Empty if the
        content never changes, as for published data sets.
        """
        return ""

    @classmethod
    def options_for(cls, path: Path, written: str) -> Mapping[str, Any] | None:
        """The options with which the data set reads the files at a path; None if it does not.

        A person who writes ``-d photos`` learns which spec reads that folder.

        :param path: a file or folder that exists.
        :param written: the path as the person wrote it, for the option.
        """
        return None

    def mixture(self) -> Modes | None:
        """The mixture from which the samples are drawn; None for data that is not a known mixture."""
        return None

    def statistics(self, samples: torch.Tensor) -> dict[str, float]:
        """Metrics that only this data set can compute, because it knows the true distribution.

        :param samples: (n, c, h, w) generated samples, float32 in [-1, 1]; of images, 8-bit values.
        :returns: a value for each of the data set's `columns`; empty by default.
        """
        return {}
