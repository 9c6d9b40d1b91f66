"""The contract of adversarial losses."""

from __future__ import annotations

import abc
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, ClassVar

from ganbench.components.architecture import Networks
from ganbench.components.base import Component
from ganbench.components.progress import Progress
from ganbench.components.regularizer import Regularizer
from ganbench.components.view import View

if TYPE_CHECKING:
    import torch


class Loss(Component):
    """An adversarial loss: what each player minimizes, given the logits of real and fake samples.

    `discriminator` and `generator` are pure functions of tensors: logits of any shape with the batch
    first, float32. A loss that keeps something between steps, such as a running mean, overrides
    `discriminator_loss` or `generator_loss` and keeps it in ``view.state``.

    :cvar generator_uses_real: whether `generator` uses ``real``. If not, set it to False: this saves
        the discriminator's pass over real images in the generator's update.
    :cvar needs: capabilities that the architecture must have, each with the reason for it.
    :cvar capturable: whether a step with it can be replayed as one CUDA graph: False if it keeps
        something between steps outside of tensors, or reads a tensor's value; None to find out. A
        graph is compared with steps without one before it is used, whatever the component says.
    """

    generator_uses_real: ClassVar[bool] = True
    needs: ClassVar[dict[str, str]] = {}
    capturable: ClassVar[bool | None] = None

    @abc.abstractmethod
    def discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        """The discriminator's loss: a scalar to be minimized."""

    @abc.abstractmethod
    def generator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        """The generator's loss: a scalar to be minimized.

        ``real`` is the response to the last real batch, or None where `generator_uses_real` is
        False.
        """

    def initial_state(self, device: torch.device) -> dict[str, torch.Tensor]:
        """Tensors that the loss keeps between steps; they are part of every checkpoint."""
        return {}

    def network_state(self, networks: Networks) -> dict[str, torch.Tensor]:
        """More such tensors, whose shapes depend on the networks."""
        return {}

    def advance(self, state: MutableMapping[str, torch.Tensor], progress: Progress) -> None:
        """Called before every step: a loss with a schedule writes into ``state`` by ``fill_``."""

    def discriminator_loss(self, view: View) -> torch.Tensor:
        """The loss that a discriminator's step minimizes; override it to see more than the logits.

        ``view.real_critique`` and ``view.fake_critique`` hold features and class logits, ``view.state``
        the loss's own tensors, to be updated in place.
        """
        assert view.real_logits is not None
        return self.discriminator(view.real_logits, view.fake_logits)

    def generator_loss(self, view: View) -> torch.Tensor:
        """The loss that a generator's step minimizes; override it to see more than the logits.

        The real batch's critique is a constant there, and None where `generator_uses_real` is False.
        """
        return self.generator(view.real_logits, view.fake_logits)  # type: ignore[arg-type]

    def penalties(self) -> tuple[Regularizer, ...]:
        """Regularizers that belong to the loss, such as WGAN-GP's gradient penalty."""
        return ()

    def project(self, discriminator: torch.nn.Module) -> None:
        """Called under ``no_grad`` after every discriminator update, for weight clipping and such."""
