"""Training and evaluation settings: defaults, layers over them, and where each came from."""

import pytest

from ganbench.base.errors import UsageError
from ganbench.grid.grid import Grid
from ganbench.grid.settings import (
    TrainingSettings,
    parse_assignment,
    resolve_evaluation,
    resolve_training,
)


def test_later_layers_win_and_the_winner_is_recorded():
    resolved = resolve_training(
        [
            ("dataset", {"flip": True}),
            ("architecture", {"g_lr": 1e-3, "d_lr": 1e-3, "g_betas": (0.0, 0.9)}),
            ("loss", {"d_steps": 5, "d_lr": 1e-4}),
            ("grid", {"d_steps": 2}),
        ]
    )
    settings, sources = resolved.settings, resolved.sources
    assert (settings.flip, sources["flip"]) == (True, "dataset")
    assert (settings.g_lr, sources["g_lr"]) == (1e-3, "architecture")
    assert (settings.d_lr, sources["d_lr"]) == (1e-4, "loss")
    assert (settings.d_steps, sources["d_steps"]) == (2, "grid")
    assert (settings.batch_size, sources["batch_size"]) == (64, "default")
    assert sources.keys() == resolved.as_dict().keys()
    assert resolved.as_dict()["g_betas"] == [0.0, 0.9]


def test_shorthands_set_both_players_but_yield_to_a_players_own_setting():
    settings = resolve_training(
        [("loss", {"lr": 1e-4, "betas": [0, 0.9]}), ("grid", {"g_lr": 3e-4, "lr": 2e-3})]
    ).settings
    assert (settings.g_lr, settings.d_lr) == (3e-4, 2e-3)
    assert settings.g_betas == settings.d_betas == (0.0, 0.9)


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ({"batchsize": 3}, "no option 'batchsize'; did you mean 'batch_size'"),
        ({"batch_size": 0}, "batch_size=0 is not allowed; it takes int, at least 1"),
        ({"batch_size": 1.5}, "batch_size=1.5 is not allowed"),
        ({"batch_size": True}, "batch_size=true is not allowed"),
        ({"lr": "fast"}, "option lr=fast is not allowed"),
        ({"lr": float("nan")}, "option lr=nan is not allowed"),
        ({"lr": 1e-3, "g_lr": -1.0}, "option g_lr=-1.0 is not allowed"),
        ({"betas": [0.5, 1.0]}, "[training]: betas=[0.5, 1.0]: each must be"),
        ({"d_lr": float("inf")}, "d_lr=inf: must be a finite number"),
        ({"g_betas": [0.5, 1.0]}, "each must be at least 0 and less than 1"),
        ({"g_betas": [0.5]}, "it takes [float,float]"),
        ({"optimizer": "adma"}, "[training] optimizer: unknown optimizer 'adma'; did you mean"),
        ({"d_optimizer": "adamw[decay=1]"}, "d_optimizer: optimizer 'adamw' has no option 'decay'"),
        ({"schedule": "cosin"}, "[training] schedule: unknown schedule 'cosin'; did you mean"),
    ],
)
def test_mistakes_are_named(setting, problem):
    with pytest.raises(UsageError) as caught:
        resolve_training([("grid", setting)])
    assert problem in str(caught.value)
    assert str(caught.value).startswith("[training]")


def test_settings_over_a_grid_are_named_as_written():
    axes = {"architecture": ["mlp"], "loss": ["hinge"], "dataset": ["digits"]}
    grid = Grid.from_dict({"grid": axes})
    with pytest.raises(UsageError, match=r"option lr=-1 is not allowed"):
        grid.with_settings({"lr": -1}, {})


def test_evaluation_settings():
    assert resolve_evaluation({"samples": 50}).samples == 50
    with pytest.raises(UsageError, match=r"\[evaluation\].*no option 'sample'; did you mean"):
        resolve_evaluation({"sample": 50})
    with pytest.raises(UsageError, match=r"takes train\|test"):
        resolve_evaluation({"reference_split": "validation"})


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("training.batch_size=64", ("training", "batch_size", 64)),
        (" training.lr = 2e-4", ("training", "lr", 2e-4)),
        ("training.betas=[0,0.9]", ("training", "betas", [0, 0.9])),
        ("training.flip=true", ("training", "flip", True)),
        ("evaluation.extractor=cnn[width=8]", ("evaluation", "extractor", "cnn[width=8]")),
    ],
)
def test_assignments(text, parsed):
    assert parse_assignment(text) == parsed


@pytest.mark.parametrize("text", ["", "x", "x=1", "training=1", "training.=1", "budget.steps=1"])
def test_assignments_that_are_none(text):
    with pytest.raises(UsageError, match=f"bad --set {text!r}: "):
        parse_assignment(text)


def test_every_setting_says_what_it_is_for():
    for name, field in TrainingSettings.__dataclass_fields__.items():
        assert field.metadata["help"], name
