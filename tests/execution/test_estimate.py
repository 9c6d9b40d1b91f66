from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganbench.execution.estimate import estimate
from ganbench.execution.run import configure
from ganbench.grid.plan import expand
from ganbench.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.mark.parametrize("usual", [0.002, 3.0])
def test_a_slow_first_step_is_not_taken_for_the_usual_one(monkeypatch, usual):
    done: dict[int, int] = {}

    def time_steps(self, count):
        done[id(self)] = done.get(id(self), 0) + 1
        return 500.0 if done[id(self)] == 1 else usual

    monkeypatch.setattr(Trainer, "time_steps", time_steps)
    axes = {"architecture": ["mlp"], "loss": ["hinge"], "dataset": ["digits"]}
    grid = configure({"grid": axes}, None, 1, "6400img", {"batch_size": 64}, {})
    found = estimate(expand(grid, Path()).trials(), CPU)
    # A step that takes seconds is timed on small batches, whose images cost the more.
    images = 64 if usual < 2 else 4
    assert found.seconds == pytest.approx(6400 * usual / images)


def test_terms_that_are_rarely_due_are_met_before_the_clock_runs(monkeypatch):
    """They have kernels of their own, whose loading is no part of a step's time."""
    done = []
    time_steps = Trainer.time_steps

    def recorded(self, count):
        done.append((self.steps, count))
        return time_steps(self, count)

    monkeypatch.setattr(Trainer, "time_steps", recorded)
    axes = {
        "architecture": ["mlp[d_widths=[4],g_widths=[4]]"],
        "loss": ["hinge"],
        "dataset": ["digits"],
        "regularizer": ["r1[every=6]+orthogonal[every=4]"],
    }
    grid = configure({"grid": axes}, None, 1, "1000steps", {"batch_size": 4}, {})
    assert estimate(expand(grid, Path()).trials(), CPU).measured == 1
    assert done[:3] == [(900, 1), (901, 1), (902, 3)]  # 900 is due for both
    done.clear()
    grid = configure({"grid": axes}, None, 1, "1010steps", {"batch_size": 4}, {})
    estimate(expand(grid, Path()).trials(), CPU)
    assert done[0] == (900, 1)
