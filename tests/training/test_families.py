"""What grows, mixes, translates or adapts: it waits for no device, and resumes to the bit."""

from __future__ import annotations

import functools

import pytest
import torch
from families import CASES, everything, trainer
from small_cells import NoWaiting

from ganbench.testing.harness import kept_by, through_checkpoint


@pytest.mark.parametrize("case", CASES)
def test_no_step_reads_a_tensor_on_the_host(case):
    run = trainer(case)
    run.time_steps(1)
    with NoWaiting():
        for number in range(1, 6):
            run._inputs.prepare(run.progress)
            run._step(number, run.progress)
            run.steps += 1


LAYOUTS = [(p, m) for p in ("fp32", "bf16") for m in ("contiguous", "channels_last")]


@pytest.mark.parametrize(("precision", "memory_format"), LAYOUTS)
@pytest.mark.parametrize("case", CASES)
def test_a_resumed_training_goes_on_to_the_same_bits(case, precision, memory_format):
    make = functools.partial(trainer, case, precision=precision, memory_format=memory_format)
    straight = make()  # one after the other: some layers draw from the global random state
    straight.time_steps(6)
    stopped = make()
    stopped.time_steps(3)
    resumed = through_checkpoint(stopped, make)
    resumed.time_steps(3)
    for one, other in zip(everything(straight), everything(resumed), strict=True):
        assert torch.equal(one, other)


TURNS = [
    {"reals": "fresh"},
    {"reals": "fresh", "d_steps": 2, "first_player": "generator", "flip": True, "jitter": 2},
    {"fakes": "shared", "d_steps": 2},
    {"fakes": "shared", "first_player": "generator", "ema_images": 0},
]


@pytest.mark.parametrize("settings", TURNS, ids=str)
@pytest.mark.parametrize("case", ["growing", "styles", "adaptive", "unpaired-r1"])
def test_a_training_goes_on_in_the_middle_whatever_the_players_share(case, settings):
    neutral = {"first_player": "discriminator", "fakes": "fresh", "reals": "shared"}
    make = functools.partial(trainer, case, **neutral | settings)
    straight = make()
    straight.time_steps(5)
    stopped = make()
    stopped.time_steps(3)
    resumed = through_checkpoint(stopped, make)
    resumed.time_steps(2)
    assert straight.images == resumed.images == 5 * straight.images_per_step
    for one, other in zip(kept_by(straight), kept_by(resumed), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_what_an_optimizer_keeps_of_a_weight_lies_in_memory_as_the_weight_does(optimizer):
    settings = {"memory_format": "channels_last", "momentum": 0.9}
    settings |= {f"{player}_optimizer": optimizer for player in "gd"}
    make = functools.partial(trainer, "features", **settings)
    stopped = make()
    stopped.time_steps(2)
    resumed = through_checkpoint(stopped, make)
    seen = 0
    for player in (resumed._players.g_optimizer, resumed._players.d_optimizer):
        for parameter, kept in player.state.items():
            moments = [m for m in kept.values() if m is not None and m.shape == parameter.shape]
            assert all(moment.stride() == parameter.stride() for moment in moments)
            seen += len(moments) * (not parameter.is_contiguous())
    assert seen


@pytest.mark.parametrize("case", CASES)
def test_sampling_in_between_changes_nothing(case):
    straight = trainer(case)
    straight.time_steps(4)
    sampled = trainer(case)
    for _ in range(4):
        sampled.time_steps(1)
        sampled.sampler().images(5, "noise")
    for one, other in zip(everything(straight), everything(sampled), strict=True):
        assert torch.equal(one, other)
