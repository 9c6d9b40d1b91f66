"""Learning rates and betas over a training."""

from __future__ import annotations

import math

import pytest
import torch

from ganbench.base.errors import UsageError
from ganbench.components.progress import Progress
from ganbench.components.schedule import Schedule
from ganbench.grid.settings import resolve_training
from ganbench.training.optimizers import LearningRates, make_optimizer


def rates(shares, **settings):
    training = resolve_training([("grid", {"lr": 0.2, "betas": (0.0, 0.9), **settings})])
    weights = torch.nn.Parameter(torch.zeros(1))
    optimizer = make_optimizer("g", [weights], training, torch.device("cpu"))
    schedule = training.component("lr_decay").component
    decay = LearningRates([optimizer], schedule, training.settings)
    found = []
    for share in shares:
        decay.apply(Progress(0, share))
        group = optimizer.param_groups[0]
        found.append((group["lr"], group["betas"][1]))
    return found


def test_rates_stay_without_decay():
    assert rates([0, 0.5, 1]) == [(0.2, 0.9)] * 3


def test_linear_decay_begins_and_ends_where_it_is_told():
    found = rates([0, 0.5, 0.75, 1], lr_decay="linear", lr_decay_from=0.5)
    assert [rate for rate, _ in found] == pytest.approx([0.2, 0.2, 0.1, 0.0])


def test_cosine_decay_reaches_its_last_values_and_keeps_them():
    window = {"lr_decay": "cosine", "lr_decay_to": 0.4, "lr_final": 0.25, "beta2_final": 0.99}
    found = rates([0, 0.1, 0.2, 0.4, 1], **window)
    quarter = 0.5 - 0.5 * math.cos(math.pi / 4)
    assert [rate for rate, _ in found] == pytest.approx(
        [0.2, 0.2 * (1 - 0.75 * quarter), 0.125, 0.05, 0.05]
    )
    assert [beta for _, beta in found] == pytest.approx(
        [0.9, 0.9 + 0.09 * quarter, 0.945, 0.99, 0.99]
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lr_decay_from": 0.5, "lr_decay_to": 0.5}, "must be less than lr_decay_to"),
        ({"beta2_final": 0.99}, "needs lr_decay"),
    ],
)
def test_windows_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(UsageError, match=words):
        resolve_training([("grid", settings)])


@pytest.mark.parametrize("value", [-0.5, math.inf, torch.tensor(0.5)], ids=str)
def test_a_schedule_that_gives_no_rate_is_refused(value: object) -> None:
    class Wrong(Schedule):
        def factor(self, progress, window):
            return value

    training = resolve_training([("grid", {"optimizer": "sgd"})])
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = make_optimizer("g", [weight], training, torch.device("cpu"))
    wrong = LearningRates([optimizer], Wrong(), training.settings)
    with pytest.raises(ValueError, match=r"Wrong.factor gives .* return a finite number"):
        wrong.apply(Progress(0, 0.25))
