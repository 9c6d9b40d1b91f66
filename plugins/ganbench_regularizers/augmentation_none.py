"""The augmentation that does nothing."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import ClassVar

from torch import Generator, Tensor

from ganbench import Augmentation


class NoAugmentation(Augmentation):
    """No augmentation: images pass as they are, at no cost."""

    identity: ClassVar[bool] = True

    def apply(
        self, images: Tensor, random: Generator, state: MutableMapping[str, Tensor]
    ) -> Tensor:
        return images
