"""Historical averaging: a spring between a player's weights and their past."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ganbench import Networks, View, option
from ganbench_regularizers.weights import Player, WeightRegularizer


class HistoricalAveraging(WeightRegularizer):
    """weight · ‖θ - (1/t) Σ θ[i]‖² over all parameters of a player (Salimans et al. 2016, section 3.3).

    θ[1], …, θ[t] are the parameters as they were whenever the term was computed before: at the
    player's earlier updates, or with ``every=n`` at every n-th of them. They are constants; the term
    keeps their running mean, and is zero before the first update.

    The paper states no weight. With Adam, whose steps do not grow with the gradient, 1 holds small
    networks close to their start; the default is weaker.
    """

    paper = "Salimans et al. 2016, arXiv:1606.03498"

    weight: float = option(0.01, "strength of the pull towards the mean", ge=0)

    def network_state(self, networks: Networks) -> dict[str, Tensor]:
        """For each player the mean of each parameter, and the number of averaged values."""
        state: dict[str, Tensor] = {}
        for player in sorted(self.players):
            trained = dict(_trained(getattr(networks, player)))
            state |= {f"{player}.{name}": p.detach().clone() for name, p in trained.items()}
            device = next(iter(trained.values())).device
            state[f"count.{player}"] = torch.zeros((), dtype=torch.int64, device=device)
        return state

    def term(self, network: nn.Module, player: Player, view: View) -> Tensor:
        gaps, means = [], []
        for name, parameter in _trained(network):
            means.append(view.state[f"{player}.{name}"])
            gaps.append(parameter - means[-1])
        term = torch.stack([gap.square().sum() for gap in gaps]).sum()
        with torch.no_grad():
            count = view.state[f"count.{player}"].add_(1)
            torch._foreach_add_(means, torch._foreach_mul(gaps, 1 / count))
        return self.weight * term


def _trained(network: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters that are updated, by name."""
    return ((name, p) for name, p in network.named_parameters() if p.requires_grad)
