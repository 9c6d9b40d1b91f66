"""The regularizer and the augmentation that do nothing."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import ClassVar

from torch import Generator, Tensor

from ganbench import Augmentation, Regularizer


class NoRegularizer(Regularizer):
    """No regularization: the losses gain no term."""

    players = frozenset()


class NoAugmentation(Augmentation):
    """No augmentation: images pass unchanged, at no cost."""

    identity: ClassVar[bool] = True

    def apply(
        self, images: Tensor, random: Generator, state: MutableMapping[str, Tensor]
    ) -> Tensor:
        return images
