"""Historical averaging against the mean of a history that is kept whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ganbench import DataSpec, Networks, View
from ganbench.testing.harness import make_trainer, weights
from ganbench.testing.partners import CPU
from ganbench.training.state import newest_checkpoint, save_checkpoint
from ganbench_regularizers.historical_averaging import HistoricalAveraging

DATA = DataSpec(1, 8, 8)


def networks() -> Networks:
    torch.manual_seed(0)
    frozen = nn.Linear(2, 2)
    frozen.requires_grad_(False)
    generator = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), frozen)
    return Networks(generator.double(), nn.Linear(5, 1).double())


def view_of(pair: Networks, state: dict[str, Tensor]) -> View:
    images = torch.zeros(1)
    return View(lambda x: x, None, images, None, images, torch.Generator(), state, networks=pair)


def trained(network: nn.Module) -> list[Tensor]:
    return [p for p in network.parameters() if p.requires_grad]


def flat(network: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in trained(network)])


def shake(network: nn.Module) -> None:
    with torch.no_grad():
        for parameter in trained(network):
            parameter += torch.randn_like(parameter)


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_the_term_is_the_squared_distance_from_the_mean_of_the_past(player: str) -> None:
    pair, component = networks(), HistoricalAveraging(weight=0.5)
    network, state = getattr(pair, player), component.network_state(pair)
    past: list[Tensor] = []
    for step in range(6):
        now = flat(network)
        mean = torch.stack(past).mean(0) if past else now
        term = getattr(component, player)(view_of(pair, state))
        assert term.item() == pytest.approx(0.5 * (now - mean).square().sum().item(), rel=1e-6)
        slopes = torch.autograd.grad(term, trained(network))
        torch.testing.assert_close(
            torch.cat([s.flatten() for s in slopes]), now - mean, rtol=1e-6, atol=1e-6
        )
        assert bool(term) == (step > 0), "before the first update there is no past"
        past.append(now)
        shake(network)


def test_players_have_pasts_of_their_own() -> None:
    pair, component = networks(), HistoricalAveraging()
    state = component.network_state(pair)
    for _ in range(3):
        component.discriminator(view_of(pair, state))
    assert (int(state["count.discriminator"]), int(state["count.generator"])) == (3, 0)


@pytest.mark.parametrize(
    ("on", "players"),
    [
        ("both", {"generator", "discriminator"}),
        ("generator", {"generator"}),
        ("discriminator", {"discriminator"}),
    ],
)
def test_on_says_whose_weights_are_meant(on: str, players: set[str]) -> None:
    component = HistoricalAveraging(on=on)
    assert component.players == players
    state = component.network_state(networks())
    assert {name.partition(".")[2] for name in state if name.startswith("count.")} == players
    assert not component.per_view


def test_the_state_is_a_copy_that_keeps_what_is_trained_alone() -> None:
    pair = networks()
    state = HistoricalAveraging(on="generator").network_state(pair)
    assert set(state) == {
        "count.generator",
        *(f"generator.{name}" for name in ("0.weight", "0.bias", "1.weight", "1.bias")),
    }
    shake(pair.generator)
    assert not torch.equal(state["generator.0.weight"], pair.generator[0].weight)


def test_a_view_without_networks_is_refused() -> None:
    component = HistoricalAveraging()
    view = view_of(networks(), component.network_state(networks()))
    view.networks = None
    with pytest.raises(ValueError, match="networks in its view"):
        component.generator(view)


def test_it_holds_training_back() -> None:
    def moved(component: HistoricalAveraging | None) -> float:
        trainer = make_trainer(DATA, regularizers=[component] if component else ())
        start = flat(trainer.networks.generator)
        trainer.time_steps(40)
        assert trainer.weights_finite()
        return (flat(trainer.networks.generator) - start).norm().item()

    assert moved(HistoricalAveraging(weight=10.0)) < 0.5 * moved(None)


@pytest.mark.parametrize("every", [1, 2])
def test_the_past_is_part_of_a_checkpoint(every: int, tmp_path: Path) -> None:
    component = HistoricalAveraging(every=every)
    straight, stopped, resumed = (make_trainer(DATA, regularizers=[component]) for _ in range(3))
    straight.time_steps(6)
    stopped.time_steps(4)
    save_checkpoint(tmp_path, "state", stopped.state_dict())
    state, _ = newest_checkpoint(tmp_path, CPU)
    assert state is not None
    resumed.load_state_dict(state)
    resumed.time_steps(2)
    for one, other in zip(straight.networks, resumed.networks, strict=True):
        assert all(map(torch.equal, weights(one), weights(other)))
    (kept,) = state["regularizers"]
    assert int(kept["count.generator"]) == 4 // every
