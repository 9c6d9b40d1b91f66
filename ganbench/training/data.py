"""The data of a trial, as its trainer uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ganbench.components.data import DataSpec, ImageData


@dataclass(frozen=True)
class TrainingData:
    """The training split as a trial uses it.

    :ivar source: on the training device if it is ImageData, else a ``torch.utils.data`` data set.
    :ivar held_out: the split whose sources are translated to be evaluated; None without sources.
    """

    spec: DataSpec
    source: ImageData | Any
    workers: int = 0
    held_out: ImageData | None = None

    @property
    def labels(self) -> torch.Tensor | None:
        """Labels to draw from, with the data's frequencies; None without classes.

        Equal frequencies for a streamed data set that does not tell its own.
        """
        if not self.spec.classes:
            return None
        if isinstance(self.source, ImageData):
            return self.source.labels
        known = getattr(self.source, "labels", None)
        known = getattr(self.source, "targets", None) if known is None else known
        return torch.arange(self.spec.classes) if known is None else torch.as_tensor(known)
