"""The base of terms on the weights of networks."""

from __future__ import annotations

import abc
from typing import ClassVar, Literal

from torch import Tensor, nn

from ganbench import Regularizer, View, option

Player = Literal["discriminator", "generator"]


class WeightRegularizer(Regularizer):
    """A term on the weights of one player or both; it looks at no samples."""

    per_view: ClassVar[bool] = False

    on: Literal["both", "discriminator", "generator"] = option(
        "both", "whose weights to regularize"
    )

    @property
    def players(self) -> frozenset[Player]:  # type: ignore[override]
        """The players whose loss gains the term, from ``on``."""
        if self.on == "both":
            return frozenset({"discriminator", "generator"})
        return frozenset({self.on})

    def discriminator(self, view: View) -> Tensor:
        return self._term(view, "discriminator")

    def generator(self, view: View) -> Tensor:
        return self._term(view, "generator")

    @abc.abstractmethod
    def term(self, network: nn.Module, player: Player, view: View) -> Tensor:
        """The term for the player, whose network this is: a scalar."""

    def _term(self, view: View, player: Player) -> Tensor:
        if view.networks is None:
            raise ValueError("a term on weights needs the networks in its view")
        return self.term(getattr(view.networks, player), player, view)
