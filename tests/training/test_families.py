"""What grows, mixes, translates or adapts: it waits for no device, and resumes to the bit."""

from __future__ import annotations

import functools

import pytest
import torch
from small_cells import NoWaiting

import ganbench as gb
from ganbench import DataSpec
from ganbench.testing.harness import kept_by, make_trainer, through_checkpoint, weights

GREY = DataSpec(1, 16, 16, classes=3)
PAIRS = DataSpec(3, 16, 16, source_channels=1, pairing="paired")
TWO_SETS = DataSpec(3, 16, 16, source_channels=3, pairing="unpaired")
SNGAN = "sngan[g_width=4,d_width=4]"
DCGAN = "dcgan[latent_dim=4,width=4]"
STYLEGAN2 = (
    "stylegan2[channel_base=64,channel_max=8,latent_dim=8,w_dim=8,mapping_layers=2,mixing=0.9]"
)

CASES = {
    "growing": (GREY, "progan[fmap_base=64,fmap_max=8,latent_dim=8]", "wgan-gp", [], []),
    "styles": (GREY, STYLEGAN2, "non-saturating", ["r1[every=2]", "path-length[every=2]"], []),
    "modern": (GREY, "r3gan[width=16,cardinality=4,latent_dim=8]", "relativistic",
               ["r1[gamma=1,gamma_final=0.1]", "r2[gamma=1,gamma_final=0.1]"], []),
    "classes": (GREY, "sngan[conditional=true,g_width=4,d_width=4]", "acgan", [], []),
    "biggan": (GREY, "biggan[width=4,latent_dim=16,shared_dim=8,standing_batches=2]", "hinge",
               ["orthogonal"], []),
    "features": (GREY, DCGAN, "feature-matching", ["historical-averaging"], []),
    "adaptive": (GREY, DCGAN, "non-saturating", [], ["ada[adjust_images=500]"]),
    "augmented": (GREY, DCGAN, "hinge", [], ["diffaugment"]),
    "scheduled": (GREY, DCGAN, "relativistic", [], ["ada[p_final=0.5]"]),
    "paired": (PAIRS, "pix2pix[width=4,layers=1]", "non-saturating", [], []),
    "unpaired": (TWO_SETS, "cyclegan[width=4,layers=1,blocks=1,fake_pool=12]", "lsgan", [], []),
    "unpaired-r1": (TWO_SETS, "cyclegan[width=4,layers=1,blocks=1]", "lsgan", ["r1"], ["diffaugment"]),
}  # fmt: skip


def trainer(case, steps=6, **settings):
    data, architecture, loss, regularizers, augmentations = CASES[case]
    made = make_trainer(
        data,
        architecture=gb.get("architecture", architecture),
        loss=gb.get("loss", loss),
        regularizers=[gb.get("regularizer", spec) for spec in regularizers],
        augmentations=[gb.get("augmentation", spec) for spec in augmentations],
        settings=settings,
    )
    # The budget is over after these steps, so that what follows the progress goes through all of it.
    made.schedule.total_steps = steps
    return made


def everything(run):
    players = run._players
    parts = [part.state for part in (*players.regularizers, *players.augmentations)]
    kept = [t for state in (*parts, *(p.state for p in players.pools)) for t in state.values()]
    modules = (*run.networks, players.averaged.module)
    return [*(tensor for module in modules for tensor in weights(module)), *kept]


@pytest.mark.parametrize("case", CASES)
def test_no_step_reads_a_tensor_on_the_host(case):
    run = trainer(case)
    run.time_steps(1)
    with NoWaiting():
        for number in range(1, 6):
            run._advance(run.progress)
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
