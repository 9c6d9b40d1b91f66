"""The contract of optimizers, as tests."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from ganbench.components.data import DataSpec
from ganbench.components.optimizer import Optimizer, OptimizerSettings
from ganbench.registry.session import info_of, spec_of
from ganbench.testing.components import TrainedTests
from ganbench.testing.harness import (
    check_follows_budget,
    check_two_steps,
    kept_by,
    make_trainer,
    own_randomness,
)
from ganbench.testing.partners import CPU
from ganbench.training.optimizers import PlayerOptimizer
from ganbench.training.trainer import Trainer

_STEPS = 3


class OptimizerTests(TrainedTests):
    """Inherit, and name the optimizer::

        class TestLion(OptimizerTests):
            component = Lion(weight_decay=0.1)

    :cvar component: the optimizer under test.
    :cvar lr: a learning rate that suits it.
    """

    component: Optimizer
    lr: ClassVar[float] = 0.01
    data: ClassVar[DataSpec] = DataSpec(1, 8, 8, classes=3)

    def test_it_builds_a_torch_optimizer_of_all_parameters(self) -> None:
        """Each parameter once, in groups with a learning rate that the schedule can set."""
        weights = _weights()
        made = self._build(weights)
        assert isinstance(made, torch.optim.Optimizer), (
            f"build returns {type(made).__name__}: return a torch.optim.Optimizer"
        )
        held = [p for group in made.param_groups for p in group["params"]]
        assert list(map(id, held)) == list(map(id, weights)), (
            "build must hand over all parameters, each once and in their order"
        )
        for group in made.param_groups:
            assert float(group["lr"]) == self.lr, (
                f"the group's lr is {group['lr']} and not settings.lr, {self.lr}: hand it over, so that "
                "the setting and the schedule reach it"
            )

    def test_it_descends(self) -> None:
        """Some steps on a bowl lower the loss, and change every parameter."""
        weights, first = _weights(), _weights()
        optimizer = self._build(weights)
        before = _bowl(weights).item()
        for _ in range(10 * _STEPS):
            _step(optimizer, weights)
        after = _bowl(weights).item()
        assert after < before, (
            f"the loss went from {before:g} to {after:g}: a step must go against the gradient; if "
            f"lr={self.lr} does not suit the optimizer, set lr in the test class"
        )
        for number, (old, new) in enumerate(zip(first, weights, strict=True)):
            assert not torch.equal(old, new), f"parameter {number} does not move"

    def test_the_schedule_reaches_it(self) -> None:
        """A learning rate that changes in its group changes the next step."""
        slow, fast = self._after_rates((1.0, 1.0)), self._after_rates((1.0, 0.125))
        assert any(not torch.equal(a, b) for a, b in zip(slow, fast, strict=True)), (
            "a step does not read group['lr']: read it in every step, since a schedule changes it"
        )

    def test_parameters_without_a_gradient_stay(self) -> None:
        """A frozen layer has none."""
        weights = _weights()
        optimizer = self._build(weights)
        kept = weights[0].clone()
        for _ in range(_STEPS):
            optimizer.zero_grad(set_to_none=True)
            weights[1].square().sum().backward()
            optimizer.step()
        assert torch.equal(weights[0], kept), "a parameter whose grad is None moves: skip it"

    def test_equal_gradients_give_equal_bits(self) -> None:
        """Nothing is drawn from a global random state, and nothing is kept outside of the optimizer."""
        with own_randomness("the optimizer"):
            first = self._after_rates((1.0,) * _STEPS)
        again = self._after_rates((1.0,) * _STEPS)
        assert all(map(torch.equal, first, again)), (
            "the same gradients give other weights the second time: keep everything in "
            "optimizer.state or optimizer.param_groups, not on the component or its class"
        )

    def test_it_can_begin_again(self) -> None:
        """Steps on trial are taken back, and a worker uses an optimizer again for the next seed."""
        weights = _weights()
        optimizer = PlayerOptimizer(self.component, self._build(weights))
        first = self._steps_of(optimizer, weights)
        optimizer.begin_again()
        with torch.no_grad():
            for weight, start in zip(weights, _weights(), strict=True):
                weight.copy_(start)
        again = self._steps_of(optimizer, weights)
        assert all(map(torch.equal, first, again)), (
            "after reset it does not step as a new one: override reset(kept) so that it writes the "
            "first values in place, or calls kept.clear() if the first step makes them"
        )

    def test_a_step_on_trial_leaves_no_trace(self) -> None:
        """A trial begins with a step that is taken back."""
        found = []
        for warm in (False, True):
            trainer = self._trainer()
            if warm:
                trainer.warm_up()
            trainer.time_steps(_STEPS)
            found.append(kept_by(trainer))
        assert all(map(torch.equal, *found)), (
            "a step that is taken back changes those after it: see reset, and keep numbers in "
            "optimizer.state or optimizer.param_groups"
        )

    def test_two_steps_of_training(self) -> None:
        """Both players, with learning rates that stay and that fall."""
        for schedule in ("none", "linear"):
            check_two_steps(self._trainer(schedule=schedule), f"schedule {schedule}: ")

    def test_it_says_whether_it_follows_the_budget(self) -> None:
        """As `TrainedTests` says, with learning rates that stay."""
        check_follows_budget(self.component, functools.partial(self._trainer, schedule="none"))

    def _trainer(self, device: torch.device = CPU, schedule: str = "linear") -> Trainer:
        spec = spec_of(self.component, info_of(self.component))
        settings: dict[str, Any] = {"optimizer": spec, "lr": self.lr, "schedule": schedule}
        return make_trainer(self.data, settings=settings, device=device)

    def _build(self, weights: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return self.component.build(
            weights, OptimizerSettings(self.lr, (0.5, 0.99), 0.0, 0.0, False)
        )

    def _after_rates(self, factors: tuple[float, ...]) -> list[Tensor]:
        """The weights after steps with these multiples of the learning rate."""
        weights = _weights()
        optimizer = self._build(weights)
        for factor in factors:
            for group in optimizer.param_groups:
                group["lr"] = self.lr * factor
            _step(optimizer, weights)
        return [weight.detach() for weight in weights]

    @staticmethod
    def _steps_of(optimizer: PlayerOptimizer, weights: list[torch.nn.Parameter]) -> list[Tensor]:
        for _ in range(_STEPS):
            _step(optimizer, weights)
        return [weight.detach().clone() for weight in weights]


def _weights() -> list[torch.nn.Parameter]:
    random = torch.Generator().manual_seed(0)
    shapes = ((4, 3), (5,))
    return [torch.nn.Parameter(torch.randn(shape, generator=random)) for shape in shapes]


def _bowl(weights: list[torch.nn.Parameter]) -> Tensor:
    return torch.stack([weight.square().sum() for weight in weights]).sum()


def _step(optimizer: Any, weights: list[torch.nn.Parameter]) -> None:
    zero: Callable[[], None] = optimizer.zero_grad
    zero()
    _bowl(weights).backward()
    optimizer.step()
