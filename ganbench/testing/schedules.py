"""The contract of schedules, as tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch

from ganbench.components.data import DataSpec
from ganbench.components.progress import Progress
from ganbench.components.schedule import Schedule, Window
from ganbench.registry.session import info_of, spec_of
from ganbench.testing.components import TrainedTests
from ganbench.testing.harness import check_two_steps, make_trainer, own_randomness
from ganbench.testing.partners import CPU
from ganbench.training.trainer import Trainer

_WINDOWS = (Window(), Window(0.25, 0.75, 0.1), Window(0.0, 0.1, 1.0))
_IMAGES = 1_000_000


class ScheduleTests(TrainedTests):
    """Inherit, and name the schedule::

        class TestWarmUp(ScheduleTests):
            component = WarmUp(until=0.1)

    :cvar component: the schedule under test.
    """

    component: Schedule
    data: ClassVar[DataSpec] = DataSpec(1, 8, 8, classes=3)

    def test_factors_are_numbers_from_zero_on(self) -> None:
        """Python's numbers, at every share of the budget, its ends included."""
        for window, progress, factor in self._all(self.component.factor):
            where = f"factor at a share of {progress.share:g} with {window}"
            assert not isinstance(factor, torch.Tensor), (
                f"{where} is a tensor, whose value the host would wait for: compute with Python's math"
            )
            assert isinstance(factor, (int, float)), f"{where} is {factor!r}: return a number"
            assert math.isfinite(factor), f"{where} is {factor}: it must be finite"
            assert factor >= 0, f"{where} is {factor}: rates below 0 climb the loss; clamp it at 0"

    def test_ways_are_shares(self) -> None:
        """`Schedule.way` goes from 0 to 1: ``beta2_final`` follows it."""
        for window, progress, way in self._all(self.component.way):
            where = f"way at a share of {progress.share:g} with {window}"
            assert isinstance(way, (int, float)), f"{where} is {way!r}: return a number"
            assert 0 <= way <= 1, f"{where} is {way}: clamp it to 0 and 1"

    def test_equal_progress_gives_equal_factors(self) -> None:
        """Whatever was asked before: a resumed training asks for the second half alone."""
        with own_randomness("the schedule"):
            forwards = [factor for _, _, factor in self._all(self.component.factor)]
        backwards = [factor for _, _, factor in reversed(self._all(self.component.factor, -1))]
        assert forwards == backwards, (
            "factor depends on earlier calls: compute it from progress and window alone, since a "
            "training that goes on after a checkpoint calls it for the rest only"
        )

    def test_constant_says_the_truth(self) -> None:
        """Where it is True, rates are never set."""
        moves = any(factor != 1 for _, _, factor in self._all(self.component.factor))
        if self.component.constant:
            assert not moves, "constant = True, but factor is not always 1: remove constant"
        else:
            assert moves, (
                "factor is 1 at all shares: set constant = True if that is meant, or test a component "
                "whose options move the rates"
            )

    def test_two_steps_of_training(self) -> None:
        check_two_steps(self._trainer())

    def _trainer(self, device: torch.device = CPU) -> Trainer:
        spec = spec_of(self.component, info_of(self.component))
        return make_trainer(self.data, settings={"schedule": spec}, device=device)

    @staticmethod
    def _all(
        ask: Callable[[Progress, Window], Any], step: int = 1
    ) -> list[tuple[Window, Progress, Any]]:
        """The answers at 101 shares for each window, asked for in this order."""
        places = [
            (window, Progress(round(_IMAGES * n / 100), n / 100))
            for window in _WINDOWS
            for n in range(101)
        ]
        return [(window, progress, ask(progress, window)) for window, progress in places[::step]]
