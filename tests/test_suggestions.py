"""Suggestions: other words for a name, small slips, and nothing that is not close."""

from __future__ import annotations

import pytest

from ganbench.base.suggestions import did_you_mean, nearest
from ganbench.cli.app import _OTHER_WORDS, COMMANDS
from ganbench.grid.settings import TrainingSettings

SETTINGS = [*TrainingSettings.__dataclass_fields__, "lr", "betas", "optimizer", "schedule"]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("learning_rate", ["lr"]),
        ("learning_rat", ["lr"]),
        ("batch", ["batch_size"]),
        ("bs", ["batch_size"]),
        ("BatchSize", ["batch_size"]),
        ("btach_size", ["batch_size"]),
        ("n_critic", ["d_steps"]),
        ("mixed-precision", ["precision"]),
        ("lr_decays", ["lr_decay"]),
        ("warmth", []),
        ("x", []),
    ],
)
def test_settings(word, found):
    assert nearest(word, SETTINGS) == found


@pytest.mark.parametrize(
    ("word", "found"),
    [("train", ["run"]), ("trian", ["run"]), ("lst", ["list"]), ("evaluate", ["eval"]), ("go", [])],
)
def test_commands(word, found):
    assert nearest(word, COMMANDS, _OTHER_WORDS) == found
    assert _OTHER_WORDS.keys() <= COMMANDS.keys()


def test_a_name_is_near_by_few_letters_or_by_a_whole_part():
    known = ["dcgan", "sngan", "stylegan2", "wgan-gp", "inception-v3-compat"]
    assert nearest("dgcan", known) == ["dcgan"]
    assert nearest("stylegan", known) == ["stylegan2"]
    assert nearest("inception", known) == ["inception-v3-compat"]
    assert nearest("wgan_gp", known) == ["wgan-gp"]
    assert nearest("gan", known) == []
    assert nearest("resnet", known) == []


def test_the_list_is_whole_if_nothing_is_close():
    names = [f"name-{letter * 3}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    assert did_you_mean("other", names) == f"; known: {', '.join(names)}"
    assert did_you_mean("other", []) == "; none exist"
    assert did_you_mean("ab", ["abx", "aby"], {"abx": ["ab"]}) == "; did you mean 'abx'?"
    assert did_you_mean("abcd", ["abce", "abcf"]) == "; did you mean 'abce' or 'abcf'?"
