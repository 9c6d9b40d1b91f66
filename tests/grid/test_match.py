"""Naming trials by what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganbench.base.errors import UsageError
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand, matching


@pytest.fixture(scope="module")
def trials():
    axes = {
        "architecture": ["mlp", "mlp[latent_dim=4]", "dcgan"],
        "loss": ["hinge", "wgan-gp"],
        "dataset": ["digits"],
        "regularizer": ["none", "r1[gamma=2]+r2"],
        "seeds": 2,
    }
    return list(expand(Grid.from_dict({"grid": axes}), Path()).trials())


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("mlp", 16),
        ("mlp[latent_dim=4]", 8),
        ("ganbench:dcgan", 8),
        ("wgan-gp", 12),
        ("digits", 24),
        ("r1", 12),
        ("r1[gamma=2.0]", 12),
    ],
)
def test_components(trials, text, count):
    assert len(matching(trials, text)) == count


def test_a_trial_by_its_id(trials):
    assert matching(trials, trials[3].id) == [trials[3]]


@pytest.mark.parametrize("text", ["sngan", "r1[gamma=3]", "mlp[latent_dim=5]"])
def test_what_is_not_there(trials, text):
    with pytest.raises(UsageError, match="no trial of this grid has this component"):
        matching(trials, text)
