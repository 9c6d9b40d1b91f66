"""The next seed of a cell takes the trainer that has recorded or compiled its steps."""

from __future__ import annotations

import functools

import pytest
import torch
from small_cells import CPU, make_cell, make_data

from ganbench.testing.harness import kept_by
from ganbench.training import last_trainer
from ganbench.training.last_trainer import LastTrainer
from ganbench.training.recorded import Recorded
from ganbench.training.trainer import Trainer


@pytest.fixture
def recorded(monkeypatch):
    """Trainers whose steps are recorded, as on a GPU."""
    monkeypatch.setattr(last_trainer, "Trainer", functools.partial(Trainer, capture=Recorded()))


def trained(last, cell, seed, data):
    trainer = last.take(cell, seed, data, CPU)
    trainer.time_steps(3)
    last.keep(trainer)
    return trainer


def test_the_next_seed_takes_the_trainer_and_gives_the_same_bits(recorded):
    last, cell, data = LastTrainer(), make_cell(), make_data()
    first = trained(last, cell, 0, data)
    second = trained(last, cell, 1, data)
    assert second is first
    fresh = trained(LastTrainer(), cell, 1, data)
    assert fresh is not second
    for a, b in zip(kept_by(second), kept_by(fresh), strict=True):
        assert torch.equal(a, b)


def test_another_cell_or_other_data_gets_a_trainer_of_its_own(recorded):
    last, cell, data = LastTrainer(), make_cell(), make_data()
    first = trained(last, cell, 0, data)
    assert trained(last, cell, 1, make_data()) is not first
    kept = trained(last, make_cell(loss="lsgan"), 0, data)
    last.expect(kept.cell)
    assert last._last is kept
    last.expect(cell)
    assert last._last is None


def test_an_eager_trainer_is_not_kept():
    last, cell, data = LastTrainer(), make_cell(), make_data()
    first = trained(last, cell, 0, data)
    assert last._last is None
    assert trained(last, cell, 1, data) is not first


def test_networks_that_do_not_restart_are_built_again(recorded, monkeypatch, capsys):
    from ganbench_classic.mlp import MLP

    last, cell, data = LastTrainer(), make_cell(), make_data()
    first = trained(last, cell, 0, data)
    build = MLP.build

    def other(self, spec):
        networks = build(self, spec)
        networks.generator.register_buffer("more", torch.zeros(3))
        return networks

    monkeypatch.setattr(MLP, "build", other)
    assert trained(last, cell, 1, data) is not first
    assert "networks are built again" in capsys.readouterr().out
