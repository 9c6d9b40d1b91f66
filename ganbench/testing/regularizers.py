"""The contract of regularizers, as tests."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import ClassVar, get_args

import torch
from torch import Tensor

from ganbench.components.architecture import Architecture, Networks
from ganbench.components.base import overrides
from ganbench.components.data import DataSpec
from ganbench.components.progress import Progress
from ganbench.components.regularizer import Player, Regularizer
from ganbench.testing.components import TrainedTests
from ganbench.testing.harness import (
    check_reads_only_needs,
    check_two_steps,
    kept_in_place,
    make_trainer,
    own_randomness,
    weights,
)
from ganbench.testing.partners import CPU, Partner
from ganbench.training.trainer import Trainer
from ganbench.training.undeclared import asked


class RegularizerTests(TrainedTests):
    """Inherit, and name the regularizer::

        class TestMyPenalty(RegularizerTests):
            component = MyPenalty(weight=1.0)

    :cvar component: the regularizer under test, with a weight that is not zero.
    :cvar architecture: whose networks it acts on; name one if `Regularizer.needs` asks for a
        capability that the core does not know.
    :cvar data: the data of the training.
    """

    component: Regularizer
    architecture: ClassVar[Architecture] = Partner()
    data: ClassVar[DataSpec] = DataSpec(1, 8, 8, classes=3)

    def test_it_says_whom_it_acts_on(self) -> None:
        """`players` and `differentiates` name known players and inputs."""
        players, inputs = self.component.players, self.component.differentiates
        assert players <= {"discriminator", "generator"}, f"unknown players: {set(players)}"
        assert inputs <= {"real", "fake"}, f"unknown inputs: {set(inputs)}"
        if isinstance(inspect.getattr_static(type(self.component), "players"), property):
            return  # its options decide
        for player in get_args(Player):
            idle = overrides(self.component, Regularizer, player) and player not in players
            assert not idle, (
                f"it defines {player}(), which is never called: add {player!r} to players"
            )

    def test_terms_are_scalars_that_reach_their_player(self) -> None:
        """A finite number with a gradient for some parameter of the player."""
        for player in self._players():
            call, networks = self._prepared(player)
            term = call()
            assert isinstance(term, Tensor), f"{player}: the term is a {type(term).__name__}"
            assert term.shape == (), f"{player}: the term is {tuple(term.shape)}, not a scalar"
            assert term.isfinite(), f"{player}: the term is {term.item()}"
            assert term.requires_grad, f"{player}: the term has no gradient"
            parameters = list(getattr(networks, player).parameters())
            slopes = torch.autograd.grad(term, parameters, allow_unused=True)
            reached = [slope for slope in slopes if slope is not None]
            assert any(slope.any() for slope in reached), f"the term does nothing to the {player}"
            assert all(slope.isfinite().all() for slope in reached), f"{player}: infinite gradient"

    def test_randomness_is_its_own(self) -> None:
        """The same state of ``view.random`` gives the same term."""
        for player in self._players():
            calls = [self._prepared(player)[0] for _ in range(2)]
            with own_randomness(f"the {player}'s term"):
                values = [call().item() for call in calls]
            assert values[0] == values[1], f"{player}: the same view gives {values}"

    def test_state_is_kept_in_place(self) -> None:
        """A checkpoint restores the tensors of `Regularizer.initial_state`, and nothing else."""
        for player in self._players():
            state = self._initial_state()
            call, _ = self._prepared(player, state)
            with kept_in_place(state, f"{player}: "):
                call()

    def test_two_steps_of_training(self) -> None:
        """Both players stay finite, and the term shows in the weights of the players it names.

        Also with an architecture that gives what `Regularizer.needs` names, and nothing else.
        """
        plain, regularized = (
            make_trainer(self.data, architecture=self.architecture, regularizers=regularizers)
            for regularizers in ((), (dataclasses.replace(self.component, every=1),))
        )
        for trainer in (plain, regularized):
            check_two_steps(trainer)
        for player in self._players():
            before, after = (weights(getattr(t.networks, player)) for t in (plain, regularized))
            changed = not all(map(torch.equal, before, after))
            assert changed, f"training is the same without the {player}'s term"
        check_reads_only_needs(self.data, self.component)

    def _trainer(self, device: torch.device = CPU) -> Trainer:
        return make_trainer(
            self.data,
            architecture=self.architecture,
            regularizers=[self.component],
            device=device,
        )

    def _players(self) -> list[Player]:
        return sorted(self.component.players)

    def _partners(self, seed: int = 0) -> Trainer:
        """A training without the term."""
        return make_trainer(self.data, architecture=self.architecture, seed=seed)

    def _initial_state(self, seed: int = 0) -> dict[str, Tensor]:
        networks = self._partners(seed).networks
        state = self.component.initial_state(CPU) | self.component.network_state(networks)
        self.component.advance(state, Progress(0, 0.0))
        return state

    def _prepared(
        self, player: Player, state: dict[str, Tensor] | None = None
    ) -> tuple[Callable[[], Tensor], Networks]:
        """A call that gives the player's term, and the networks that it acts on."""
        trainer = self._partners()
        if state is None:  # for other weights, so that a term on earlier weights is not zero
            state = self._initial_state(seed=1)
        view = dataclasses.replace(trainer.view(player, self.component.differentiates), state=state)
        return functools.partial(asked, self.component, player, player, view), trainer.networks
