"""The contract of regularizers: terms added to a player's loss."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, ClassVar, Literal

from ganbench.components.architecture import Networks
from ganbench.components.base import Component, option
from ganbench.components.progress import Progress
from ganbench.components.view import View

if TYPE_CHECKING:
    import torch

Player = Literal["discriminator", "generator"]


class Regularizer(Component):
    """A term added to the loss of one player or both.

    With ``every=n`` the term is computed in every n-th step and multiplied by n, which keeps its
    average weight (lazy regularization, Karras et al. 2020, arXiv:1912.04958, section 3.1).

    :cvar players: whose loss the term is added to.
    :cvar differentiates: the inputs, ``"real"`` and ``"fake"``, with respect to which the term
        differentiates the logits of the view; they then arrive with ``requires_grad`` set.
    :cvar needs: capabilities that the architecture must have, such as ``"per-sample-critic"``,
        each with the reason for it.
    :cvar per_view: False for a term on the weights, computed once in a step; True for a term on images
        or logits, computed for every `View` (a translation in two directions has two).
    :cvar capturable: whether a step with it can be replayed as one CUDA graph: False if it keeps
        something between steps outside of tensors, or reads a tensor's value; None to find out. A
        graph is compared with steps without one before it is used, whatever the component says.
    """

    players: ClassVar[frozenset[Player]] = frozenset({"discriminator"})
    differentiates: ClassVar[frozenset[str]] = frozenset()
    needs: ClassVar[dict[str, str]] = {}
    per_view: ClassVar[bool] = True
    capturable: ClassVar[bool | None] = None

    every: int = option(1, "compute the term only in every n-th step, n times as strong", ge=1)

    def initial_state(self, device: torch.device) -> dict[str, torch.Tensor]:
        """Tensors that the term keeps between steps; they are part of every checkpoint."""
        return {}

    def network_state(self, networks: Networks) -> dict[str, torch.Tensor]:
        """More such tensors, whose shapes depend on the networks."""
        return {}

    def advance(self, state: MutableMapping[str, torch.Tensor], progress: Progress) -> None:
        """Called before every step: a term with a schedule writes into ``state`` by ``fill_``."""

    def discriminator(self, view: View) -> torch.Tensor:
        """The term for the discriminator's loss: a scalar. Called if `players` includes it."""
        raise NotImplementedError(_no_term(self, "discriminator"))

    def generator(self, view: View) -> torch.Tensor:
        """The term for the generator's loss: a scalar. Called if `players` includes it."""
        raise NotImplementedError(_no_term(self, "generator"))


def _no_term(regularizer: Regularizer, player: Player) -> str:
    return (
        f"{type(regularizer).__name__} has no term for the {player}: define {player}(view), or leave "
        f"{player!r} out of players"
    )
