from __future__ import annotations

import pytest
import torch
from small_cells import CPU, make_cell, make_data, weights

import ganbench as gb
from ganbench import DataSpec
from ganbench.training.sampler import TRANSLATED, pass_size
from ganbench.training.state import newest_checkpoint, save_checkpoint
from ganbench.training.trainer import Trainer

KINDS = [
    {},
    {"loss": "wgan-gp", "architecture": "dcgan[latent_dim=8,width=4]"},
    {"loss": "wgan"},
    {"architecture": "dcgan[d_norm=spectral,width=4]", "loss": "hinge", "flip": True},
    {"regularizer": "r1[every=3]+dragan", "loss": "relativistic", "lr_decay": "linear"},
    {"optimizer": "sgd", "momentum": 0.9, "ema_images": 0, "precision": "bf16"},
]


@pytest.mark.parametrize("kwargs", KINDS)
def test_an_interrupted_training_goes_on_to_the_same_bits(kwargs, trainer, tmp_path):
    whole = trainer(**kwargs)
    whole.time_steps(11)
    first = trainer(**kwargs)
    first.time_steps(5)
    save_checkpoint(tmp_path, "a", first.state_dict())
    torch.manual_seed(99)  # another trial came between
    second = trainer(**kwargs)
    state, problems = newest_checkpoint(tmp_path, CPU)
    second.load_state_dict(state)
    second.time_steps(6)
    assert problems == []
    assert torch.equal(weights(whole), weights(second))
    assert (whole.series.table() == second.series.table()).all()
    assert (second.steps, second.images) == (whole.steps, whole.images)


def test_the_same_seed_gives_the_same_bits_whatever_ran_before(trainer):
    alone = trainer(seed=3)
    alone.time_steps(8)
    other = trainer(seed=4, loss="wgan-gp")
    other.time_steps(3)
    again = trainer(seed=3)
    again.time_steps(8)
    assert torch.equal(weights(alone), weights(again))
    other_seed = trainer(seed=5)
    other_seed.time_steps(8)
    assert not torch.equal(weights(alone), weights(other_seed))


def test_sampling_in_between_changes_nothing(trainer):
    quiet, watched = trainer(architecture="dcgan[width=4]"), trainer(architecture="dcgan[width=4]")
    quiet.time_steps(6)
    watched.time_steps(3)
    samples = watched.sampler().images(8, "noise")
    watched.time_steps(3)
    assert torch.equal(weights(quiet), weights(watched))
    assert not torch.equal(samples, watched.sampler().images(8, "noise"))


def test_a_sampler_gives_the_same_samples_for_a_stream_and_others_for_another(trainer):
    sampler = trainer().sampler()
    assert torch.equal(sampler.images(600, "a"), sampler.images(600, "a"))
    assert torch.equal(sampler.images(600, "a")[:500], sampler.images(500, "a"))
    assert not torch.equal(sampler.images(8, "a"), sampler.images(8, "b"))


@pytest.mark.parametrize(
    ("size", "passes"), [(8, 500), (32, 500), (64, 128), (128, 32), (256, 8), (512, 2), (1024, 1)]
)
def test_a_pass_has_fewer_samples_the_larger_they_are(size, passes):
    dcgan, pix2pix = (gb.get("architecture", name) for name in ("dcgan", "pix2pix"))
    assert pass_size(dcgan, DataSpec(3, size, size)) == passes
    assert pass_size(pix2pix, DataSpec(1, size, size)) == min(passes, TRANSLATED)


@pytest.mark.parametrize(
    ("options", "passes"), [("", 64), ("[width=1536]", 32), ("[width=96]", 128)]
)
def test_a_design_with_large_maps_asks_for_fewer_samples_in_a_pass(options, passes):
    r3gan = gb.get("architecture", f"r3gan{options}")
    assert pass_size(r3gan, DataSpec(3, 64, 64)) == passes


def test_passes_of_large_images_are_small_and_their_samples_do_not_depend_on_the_count(trainer):
    run = trainer(architecture="mlp[g_widths=[4],d_widths=[4]]", data=make_data(8, size=256))
    sampler = run.sampler()
    batches = list(sampler.batches(20, "a"))
    assert [len(batch) for batch in batches] == [8, 8, 4]
    assert torch.equal(torch.cat(batches)[:16], sampler.images(16, "a"))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_weights_and_averages_stay_in_full_precision(trainer, precision):
    run = trainer(architecture="dcgan[width=4]", precision=precision)
    run.time_steps(3)
    assert {p.dtype for n in run.networks for p in n.parameters()} == {torch.float32}
    assert torch.isfinite(weights(run)).all()


def test_a_divergence_is_seen_with_its_step(trainer):
    run = trainer()
    run.time_steps(4)
    with torch.no_grad():
        next(run.networks.generator.parameters()).fill_(float("nan"))
    run.time_steps(2)
    assert run.failed_step() == 4
    assert not run.weights_finite()


def test_training_stops_at_the_tick_or_on_request(trainer):
    run = trainer(budget="40steps", evaluation={"ticks": 4})
    assert run.train_to(1, lambda: False, lambda: None)
    assert run.steps == 10
    assert not run.train_to(2, lambda: True, lambda: None)
    assert run.steps == 10
    assert run.train_to(4, lambda: False, lambda: None)
    assert run.steps == 40


def test_a_network_whose_answers_mix_samples_is_found_out_in_a_cell_that_forbids_it(monkeypatch):
    from ganbench_classic.dcgan import DCGAN

    cell = make_cell("dcgan[width=4,d_norm=layer]", "wgan-gp")
    assert Trainer(cell, 0, make_data(size=16), CPU).problem() is None
    real_build = DCGAN.build
    batch = DCGAN(width=4, d_norm="batch")
    monkeypatch.setattr(DCGAN, "build", lambda self, data: real_build(batch, data))
    problem = Trainer(cell, 0, make_data(size=16), CPU).problem()
    assert "depends on the rest of its batch" in problem


def test_noise_in_a_discriminator_is_not_taken_for_mixing(monkeypatch):
    from ganbench_classic.mlp import MLP

    build = MLP.build

    def with_dropout(self, data):
        networks = build(self, data)
        layers = torch.nn.Sequential(torch.nn.Dropout(0.5), networks.discriminator)
        return type(networks)(networks.generator, layers)

    monkeypatch.setattr(MLP, "build", with_dropout)
    cell = make_cell(loss="wgan-gp")
    assert Trainer(cell, 0, make_data(), CPU).problem() is None


def test_looking_for_problems_leaves_no_trace(trainer):
    looked, plain = (
        trainer(architecture="dcgan[d_norm=spectral,width=4]", loss="wgan-gp") for _ in range(2)
    )
    # The global state is the last one seeded, so each trainer starts from its own.
    state = plain.state_dict()["globals"]["torch"]
    before = weights(looked)
    assert looked.problem() is None
    assert torch.equal(before, weights(looked))
    assert torch.equal(torch.get_rng_state(), state)
