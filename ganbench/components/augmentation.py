"""The contract of augmentations: transformations of everything that the discriminator sees."""

from __future__ import annotations

import abc
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, ClassVar

from ganbench.components.base import Component
from ganbench.components.data import DataSpec
from ganbench.components.progress import Progress

if TYPE_CHECKING:
    import torch


class Augmentation(Component):
    """A differentiable random transformation, applied to real and generated images alike.

    :cvar identity: True for an augmentation that changes nothing; the training then skips it.
    :cvar needs: capabilities that the architecture must have, each with the reason for it.
    :cvar capturable: whether a step with it can be replayed as one CUDA graph: False if it keeps
        something between steps outside of tensors, or reads a tensor's value; None to find out. A
        graph is compared with steps without one before it is used, whatever the component says.
    """

    identity: ClassVar[bool] = False
    needs: ClassVar[dict[str, str]] = {}
    capturable: ClassVar[bool | None] = None

    def problem(self, data: DataSpec) -> str | None:
        """Why such data cannot be augmented, with a way out; None if it can."""
        return None

    def initial_state(self, device: torch.device) -> dict[str, torch.Tensor]:
        """Tensors that are kept between steps, such as an adaptive probability."""
        return {}

    @abc.abstractmethod
    def apply(
        self,
        images: torch.Tensor,
        random: torch.Generator,
        state: MutableMapping[str, torch.Tensor],
    ) -> torch.Tensor:
        """Transform (batch, c, h, w) images in [-1, 1]; randomness from ``random``.

        The generator learns through it, and gradient penalties differentiate through it twice. It
        must not write into ``images``.
        """

    def observe(self, real_logits: torch.Tensor, state: MutableMapping[str, torch.Tensor]) -> None:
        """Called after every discriminator update, under ``no_grad``: adapt ``state`` in place."""

    def advance(self, state: MutableMapping[str, torch.Tensor], progress: Progress) -> None:
        """Called before every step: a schedule writes into ``state`` by ``fill_``."""
