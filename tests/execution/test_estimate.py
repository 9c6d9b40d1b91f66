from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganbench.execution.estimate import estimate
from ganbench.execution.run import configure
from ganbench.grid.plan import expand
from ganbench.training.step import TrainingStep
from ganbench.training.trainer import Trainer

CPU = torch.device("cpu")


class Clock:
    """A clock that only training steps move on."""

    def __init__(self, monkeypatch, first, usual):
        self.now, self.first, self.usual = 0.0, first, usual
        step = TrainingStep.__call__

        def timed(self_, *arguments):
            self.now += self.first
            self.first = self.usual
            return step(self_, *arguments)

        monkeypatch.setattr(TrainingStep, "__call__", timed)
        monkeypatch.setattr("time.perf_counter", lambda: self.now)


def trials(budget, **training):
    axes = {"architecture": ["mlp"], "loss": ["hinge"], "dataset": ["digits"]}
    grid = configure({"grid": axes}, None, 1, budget, {"batch_size": 64, **training}, {})
    return expand(grid, Path()).trials()


@pytest.mark.parametrize("usual", [0.002, 3.0])
def test_a_slow_first_step_is_not_taken_for_the_usual_one(monkeypatch, usual):
    Clock(monkeypatch, 500.0, usual)
    found = estimate(trials("6400img"), CPU)
    # A step that takes seconds is timed on small batches, whose images cost the more.
    images = 64 if usual < 2 else 4
    assert found.seconds == pytest.approx(6400 * usual / images)


def test_terms_that_are_rarely_due_are_met_before_the_clock_runs(monkeypatch):
    """They have kernels of their own, whose loading is no part of a step's time."""
    done = []
    time_steps, warm_up = Trainer.time_steps, Trainer.warm_up

    def recorded(self, count):
        done.append((self.steps, count))
        return time_steps(self, count)

    def warmed(self):
        done.append((self.steps, "warm-up"))
        warm_up(self)

    monkeypatch.setattr(Trainer, "time_steps", recorded)
    monkeypatch.setattr(Trainer, "warm_up", warmed)
    axes = {
        "architecture": ["mlp[d_widths=[4],g_widths=[4]]"],
        "loss": ["hinge"],
        "dataset": ["digits"],
        "regularizer": ["r1[every=6]+orthogonal[every=4]"],
    }
    grid = configure({"grid": axes}, None, 1, "1000steps", {"batch_size": 4}, {})
    assert estimate(expand(grid, Path()).trials(), CPU).measured == 1
    assert done[:3] == [(900, "warm-up"), (900, 1), (901, 3)]  # 900 is due for both
    done.clear()
    grid = configure({"grid": axes}, None, 1, "1010steps", {"batch_size": 4}, {})
    estimate(expand(grid, Path()).trials(), CPU)
    assert done[0] == (900, "warm-up")


def test_it_says_once_that_steps_cannot_be_recorded(capsys):
    assert estimate(trials("640img", executor="graph"), CPU).seconds > 0
    assert capsys.readouterr().out.count("a CUDA graph needs a GPU") == 1
