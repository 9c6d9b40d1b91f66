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
