"""The step against a loop written out by hand, and its promise not to wait for the device."""

from __future__ import annotations

import copy
from unittest import mock

import pytest
import torch
from small_cells import NoWaiting, make_data

from ganbench import Augmentation, DataSpec
from ganbench.base.errors import UsageError
from ganbench.base.pixels import to_uint8
from ganbench.testing.harness import make_trainer
from ganbench.training.series import MEASURES
from ganbench_regularizers.zero_centered import R1, R2

DCGAN = "dcgan[latent_dim=8,width=4]"


def _by_hand(trainer, steps, d_loss, g_loss, penalty=None):
    """The same training, written out plainly with the trainer's own batches and latents."""
    settings = trainer.settings
    G, judge = (copy.deepcopy(network) for network in trainer.networks)
    D = _Logits(judge)
    opt_g = torch.optim.Adam(G.parameters(), settings.g_lr, settings.g_betas)
    opt_d = torch.optim.Adam(D.parameters(), settings.d_lr, settings.d_betas)
    for _ in range(steps):
        for _ in range(settings.d_steps):
            real = trainer._batches.next().images
            z = trainer.architecture.sample_latents(
                len(real), trainer._parts.streams["latents"], torch.device("cpu")
            )
            fake = G(z).detach()
            loss = d_loss(D(real), D(fake))
            if penalty is not None:
                loss = loss + penalty(D, real, fake, trainer._parts.streams["regularizer"])
            opt_d.zero_grad()
            loss.backward()
            opt_d.step()
        z = trainer.architecture.sample_latents(
            len(real), trainer._parts.streams["latents"], torch.device("cpu")
        )
        opt_g.zero_grad()
        g_loss(D(G(z))).backward()
        opt_g.step()
    return G, judge


class _Logits(torch.nn.Module):
    def __init__(self, discriminator):
        super().__init__()
        self.discriminator = discriminator

    def forward(self, images):
        return self.discriminator(images).logits


def _gradient_penalty(critic, real, fake, random):
    epsilon = torch.rand(len(real), 1, 1, 1, generator=random)
    between = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return 10 * ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()


def _hinge_d(real, fake):
    return torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()


def _wgan_d(real, fake):
    return fake.mean() - real.mean()


def _minus_mean(fake):
    return -fake.mean()


@pytest.mark.parametrize(
    ("architecture", "loss", "d_loss", "penalty"),
    [
        ("mlp[d_widths=[16],g_widths=[16]]", "hinge", _hinge_d, None),
        (DCGAN, "hinge", _hinge_d, None),
        (DCGAN, "wgan-gp", _wgan_d, _gradient_penalty),
    ],
)
def test_training_equals_a_loop_written_out_by_hand(trainer, architecture, loss, d_loss, penalty):
    ours, theirs = (trainer(architecture=architecture, loss=loss) for _ in range(2))
    ours.time_steps(6)
    G, D = _by_hand(theirs, 6, d_loss, _minus_mean, penalty)
    for mine, plain in zip(ours.networks, (G, D), strict=True):
        for a, b in zip(mine.state_dict().values(), plain.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def _ordered_by_hand(trainer, steps):
    """Hinge training in each order of the players, with shared or fresh batches, written out."""
    settings = trainer.settings
    G, judge = (copy.deepcopy(network) for network in trainer.networks)
    D = _Logits(judge)
    opt_g = torch.optim.Adam(G.parameters(), settings.g_lr, settings.g_betas)
    opt_d = torch.optim.Adam(D.parameters(), settings.d_lr, settings.d_betas)

    def latents(count):
        stream = trainer._parts.streams["latents"]
        return trainer.architecture.sample_latents(count, stream, torch.device("cpu"))

    def generated(count):
        return G(latents(count))

    def update_d(real, fake):
        opt_d.zero_grad()
        _hinge_d(D(real), D(fake.detach())).backward()
        opt_d.step()

    def update_g(fake):
        opt_g.zero_grad()
        _minus_mean(D(fake)).backward()
        opt_g.step()

    for _ in range(steps):
        shared = settings.fakes == "shared"
        if settings.first_player == "generator":
            real = trainer._batches.next().images
            fake = generated(len(real))
            update_g(fake)
            update_d(real, fake if shared else generated(len(real)))
            for _ in range(settings.d_steps - 1):
                real = trainer._batches.next().images
                update_d(real, generated(len(real)))
        else:
            for _ in range(settings.d_steps):
                real = trainer._batches.next().images
                fake = generated(len(real))
                update_d(real, fake)
            if settings.reals == "fresh":
                trainer._batches.next()
            update_g(fake if shared else generated(len(real)))
    return G, judge


@pytest.mark.parametrize(
    "settings",
    [
        {"fakes": "shared"},
        {"fakes": "shared", "d_steps": 2},
        {"first_player": "generator"},
        {"first_player": "generator", "fakes": "shared"},
        {"first_player": "generator", "fakes": "shared", "d_steps": 3},
        {"reals": "fresh"},
    ],
    ids=str,
)
def test_the_players_take_turns_as_the_settings_say(trainer, settings):
    chosen = {"architecture": "mlp[d_widths=[16],g_widths=[16]]", "loss": "hinge", **settings}
    ours, theirs = (trainer(**chosen) for _ in range(2))
    ours.time_steps(5)
    assert ours.images == 5 * 16 * ours.settings.d_steps
    for mine, plain in zip(ours.networks, _ordered_by_hand(theirs, 5), strict=True):
        for a, b in zip(mine.state_dict().values(), plain.state_dict().values(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_a_fresh_real_batch_is_what_the_generators_loss_compares_with(trainer, monkeypatch):
    run = trainer(loss="relativistic", reals="fresh")
    seen = []
    loss = type(run.cell.loss.component)
    for name in ("discriminator_loss", "generator_loss"):
        asked = getattr(loss, name)
        monkeypatch.setattr(
            loss,
            name,
            lambda self, view, asked=asked: (seen.append(view.real), asked(self, view))[1],
        )
    run.time_steps(2)
    order = run._batches.order
    expected = [run.data.source.images[order.indices(16 * n, 16)] for n in range(4)]
    assert [to_uint8(real).tolist() for real in seen] == [images.tolist() for images in expected]


def test_one_batch_of_reals_cannot_be_both_shared_and_fresh(trainer):
    with pytest.raises(UsageError, match="reals=shared"):
        trainer(fakes="shared", reals="fresh")


class _Brighter(Augmentation):
    """Three times the contrast."""

    def apply(self, images, random, state):
        return 3 * images


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("penalty", "side"), [(R1(gamma=2.0), "real"), (R2(gamma=2.0), "fake")])
def test_gradient_penalties_reach_through_the_augmentation(penalty, side, precision):
    run = make_trainer(
        DataSpec(1, 8, 8),
        regularizers=[penalty],
        augmentations=[_Brighter()],
        settings={"precision": precision},
    )
    seen = []
    compute = type(penalty).discriminator

    def watched(self, view):
        leaf = getattr(view, side).detach().requires_grad_()
        (slope,) = torch.autograd.grad(view.critic(3 * leaf).sum(), leaf)
        seen.append((view, compute(self, view), slope.square().flatten(1).sum(1).mean()))
        return seen[0][1]

    with mock.patch.object(type(penalty), "discriminator", watched):
        run.time_steps(1)
    ((view, term, expected),) = seen
    torch.testing.assert_close(getattr(view, f"seen_{side}"), 3 * getattr(view, side))
    torch.testing.assert_close(term, expected)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"loss": "non-saturating"},
        {"loss": "wgan"},
        {"loss": "wgan-gp"},
        {"loss": "relativistic", "regularizer": "r1[every=2]+r2"},
        {"loss": "hinge", "regularizer": "dragan", "architecture": "dcgan[width=4]"},
        {"loss": "lsgan", "architecture": "dcgan[d_norm=spectral,width=4]", "flip": True},
        {"loss": "hinge", "precision": "bf16", "lr_decay": "linear", "optimizer": "sgd"},
    ],
)
def test_no_step_reads_a_tensor_on_the_host(trainer, kwargs):
    run = trainer(**kwargs)
    run.time_steps(1)
    with NoWaiting():
        for number in range(1, 4):
            run._inputs.prepare(run.progress)
            run._step(number, run.progress)


def test_a_lazy_regularizer_acts_in_every_nth_step_with_n_times_the_weight(trainer):
    lazy = trainer(regularizer="r1[every=3,gamma=2]")
    eager = trainer(regularizer="r1[gamma=6]")
    never = trainer()
    for run in (lazy, eager, never):
        run.time_steps(1)
    d = [
        torch.cat([p.flatten() for p in r.networks.discriminator.parameters()])
        for r in (lazy, eager, never)
    ]
    assert torch.equal(d[0], d[1])
    assert not torch.equal(d[0], d[2])
    assert [bool(lazy._step._active("discriminator", n)) for n in range(4)] == [
        True,
        False,
        False,
        True,
    ]


def test_measures_are_those_of_the_last_discriminator_update(trainer):
    run = trainer(loss="hinge", d_steps=2)
    run.time_steps(3)
    table = run.series.table()
    assert table.shape == (3, len(MEASURES))
    assert (run.images, run.steps) == (3 * 2 * 16, 3)
    assert (run.series.column("d_grad_norm") > 0).all()


def test_linear_decay_ends_at_zero(trainer):
    run = trainer(budget="10steps", lr_decay="linear", lr=0.1)
    rates = []
    for _ in range(10):
        run.time_steps(1)
        rates.append(run._players.g_optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1 * (1 - k / 10) for k in range(10)])


def test_class_conditional_networks_get_the_labels_of_the_real_batch(trainer):
    seen = []

    class Labelled(torch.nn.Module):
        def __init__(self, network, player):
            super().__init__()
            self.network, self.player = network, player

        def forward(self, inputs, labels):
            seen.append((self.player, labels.clone()))
            return self.network(inputs)

    run = trainer(data=make_data(32))
    run._step._task._conditional = True
    run._calls.generator = Labelled(run.networks.generator, "g")
    run._calls.discriminator = Labelled(run.networks.discriminator, "d")
    run._step(0, run.progress)
    expected = run.data.source.labels[run._batches.order.indices(0, 16)]
    assert {player for player, _ in seen} == {"g", "d"}
    assert all(torch.equal(labels, expected) for _, labels in seen)
