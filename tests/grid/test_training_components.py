"""Optimizers and schedules as settings: their specs, and what they mean for a trial's identity."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch

import ganbench as gb
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand, matching
from ganbench.grid.settings import parse_assignment, resolve_training
from ganbench.registry import Registry, lookup
from ganbench.registry.session import adopt

AXES = {"architecture": ["mlp"], "loss": ["hinge"], "dataset": ["digits"]}


class Plain(gb.Optimizer):
    """Gradient descent."""

    scale: float = 1.0

    def build(self, parameters, settings):
        return torch.optim.SGD(parameters, settings.lr)


class Newer(Plain):
    recipe: ClassVar[int] = 2


@pytest.fixture(autouse=True)
def session(monkeypatch):
    monkeypatch.setattr(lookup, "_default", Registry.load())


def cell(**training):
    (found,) = expand(Grid(AXES, training=training), Path()).cells
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"optimizer": "adam"}),
        ({}, {"optimizer": "adam[eps=1e-08]"}),
        ({}, {"schedule": "none"}),
        ({"schedule": "linear"}, {"lr_decay": "linear"}),
        ({"optimizer": "adamw[weight_decay=0.01]"}, {"optimizer": "adamw[ weight_decay = 1e-2 ]"}),
        ({"optimizer": "sgd"}, {"g_optimizer": "sgd", "d_optimizer": "sgd[nesterov=false]"}),
    ],
)
def test_what_means_the_same_is_the_same_trial(one, other):
    assert cell(**one).id == cell(**other).id


def test_each_difference_makes_another_trial():
    settings = (
        {"optimizer": "adamw"},
        {"optimizer": "adamw[weight_decay=0.01]"},
        {"d_optimizer": "adamw"},
        {"schedule": "cosine"},
        {"schedule": "cosine[final=0.1]"},
        {},
    )
    assert len({cell(**one).id for one in settings}) == len(settings)


def test_ids_of_other_providers_name_them():
    adopt("optimizer", "plain", Plain, "digest")
    found = cell(optimizer="plain[scale=2.0]", schedule="linear")
    record = found.identity["training_components"]
    assert record["g_optimizer"]["provider"] == "session"
    assert record["g_optimizer"]["options"] == {"scale": 2.0}
    assert record["lr_decay"]["provider"] == "ganbench"
    assert found.sources["optimizer plain of session"] == "digest"
    assert "session==local" in found.providers
    before = found.id
    adopt("optimizer", "plain", Newer, "digest")
    assert cell(optimizer="plain[scale=2.0]", schedule="linear").id != before


def test_a_trial_can_be_named_by_its_optimizer():
    trials = [*expand(Grid(AXES, training={"d_optimizer": "adamw"}), Path()).trials()]
    assert matching(trials, "adamw") == trials


def test_the_command_line_takes_specs():
    assert parse_assignment("training.optimizer=adamw[weight_decay=0.01,betas=[0.0,0.9]]") == (
        "training",
        "optimizer",
        "adamw[weight_decay=0.01,betas=[0.0,0.9]]",
    )


def test_settings_of_a_trial_that_is_over_need_no_plugin():
    settings = resolve_training([("trial", {"g_optimizer": "gone[a=1]"})], bind=False).settings
    assert settings.g_optimizer == "gone[a=1]"
