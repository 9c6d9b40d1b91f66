"""Each penalty against a loop that differentiates one sample at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import ganbench
from ganbench import Regularizer, View
from ganbench_regularizers.dragan import DRAGAN, perturbed
from ganbench_regularizers.gradient_penalty import GradientPenalty, between
from ganbench_regularizers.none import NoAugmentation, NoRegularizer
from ganbench_regularizers.zero_centered import R1, R2

BATCH, SHAPE = 5, (2, 3, 4)
PENALTIES = [GradientPenalty(), GradientPenalty(one_sided=True), R1(), R2(), DRAGAN()]


def critic(*, patches: int = 1) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(24, 16), nn.Tanh(), nn.Linear(16, patches)
    ).double()


def view_of(judge: Callable[[Tensor], Tensor], regularizer: Regularizer, *, seed: int = 3) -> View:
    """A discriminator's step, prepared as the regularizer declares."""
    random = torch.Generator().manual_seed(1)
    real, fake = (
        torch.randn(BATCH, *SHAPE, generator=random, dtype=torch.float64).requires_grad_(
            side in regularizer.differentiates
        )
        for side in ("real", "fake")
    )
    return View(
        critic=judge,
        real=real,
        fake=fake,
        real_logits=judge(real),
        fake_logits=judge(fake),
        random=torch.Generator().manual_seed(seed),
    )


def slopes(judge: Callable[[Tensor], Tensor], points: Tensor) -> list[Tensor]:
    """The gradients of the critic at each point, found one by one."""
    found = []
    for point in points.detach():
        leaf = point[None].requires_grad_()
        found.append(torch.autograd.grad(judge(leaf).sum(), leaf)[0].flatten())
    return found


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize("patches", [1, 3])
def test_zero_centred_penalties_are_mean_squared_slopes(patches: int) -> None:
    judge = critic(patches=patches)
    for regularizer, side in ((R1(gamma=3.0), "real"), (R2(gamma=3.0), "fake")):
        view = view_of(judge, regularizer)
        expected = 1.5 * mean([(s @ s).item() for s in slopes(judge, getattr(view, side))])
        assert regularizer.discriminator(view).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("regularizer", "points"),
    [
        (GradientPenalty(weight=2.0, target=0.29), between),
        (GradientPenalty(weight=2.0, target=0.29, one_sided=True), between),
        (DRAGAN(weight=2.0, target=0.29), lambda view: perturbed(view, 0.5)),
    ],
)
def test_one_centred_penalties_take_a_norm_for_each_sample(
    regularizer: Regularizer, points: Callable[[View], Tensor]
) -> None:
    judge = critic()
    norms = [s.norm().item() for s in slopes(judge, points(view_of(judge, regularizer)))]
    assert min(norms) < 0.29 < max(norms), "the one-sided case would not differ"
    one_sided = getattr(regularizer, "one_sided", False)
    excess = [max(0.0, norm - 0.29) if one_sided else norm - 0.29 for norm in norms]
    value = regularizer.discriminator(view_of(judge, regularizer))
    assert value.item() == pytest.approx(2 * mean([e * e for e in excess]))


def test_interpolates_lie_on_the_lines_between_pairs_each_at_its_own_place() -> None:
    view = view_of(critic(), GradientPenalty())
    assert view.real is not None
    shares = (between(view) - view.fake) / (view.real - view.fake)
    first = shares.flatten(1)[:, 0]
    torch.testing.assert_close(shares.flatten(1), first[:, None].expand(-1, 24))
    assert len(set(first.tolist())) == BATCH
    assert ((first >= 0) & (first <= 1)).all()


def test_penalties_at_points_of_their_own_take_images_as_the_critic_saw_them() -> None:
    for regularizer, points in (
        (GradientPenalty(), between),
        (DRAGAN(), lambda v: perturbed(v, 0)),
    ):
        plain, seen = (view_of(critic(), regularizer) for _ in range(2))
        assert plain.real is not None
        seen.augmented_real, seen.augmented_fake = 3 * plain.real, 3 * plain.fake
        torch.testing.assert_close(points(seen), 3 * points(plain))


def test_dragan_stays_within_half_a_deviation_above_real_samples() -> None:
    view = view_of(critic(), DRAGAN())
    assert view.real is not None
    noise = perturbed(view, 0.5) - view.real
    bound = 0.5 * view.real.detach().numpy().std()
    assert (noise >= 0).all()
    assert (noise <= bound).all()
    assert noise.unique().numel() == noise.numel()


@pytest.mark.parametrize("regularizer", [R1(gamma=4.0), R2(gamma=4.0)])
def test_a_linear_critic_pays_half_gamma_times_its_squared_weight(
    regularizer: Regularizer,
) -> None:
    linear = nn.Linear(24, 1).double()
    value = regularizer.discriminator(view_of(lambda x: linear(x.flatten(1)), regularizer))
    assert value.item() == pytest.approx(2 * linear.weight.square().sum().item())
    (gradient,) = torch.autograd.grad(value, linear.weight)
    torch.testing.assert_close(gradient, 4 * linear.weight.detach())


@pytest.mark.parametrize("regularizer", PENALTIES, ids=str)
def test_penalties_train_the_critic_and_repeat_with_their_random_stream(
    regularizer: Regularizer,
) -> None:
    judge = critic()
    values = [regularizer.discriminator(view_of(judge, regularizer)) for _ in range(2)]
    assert torch.equal(values[0], values[1])
    values[0].backward()
    first = judge[1].weight.grad
    assert first is not None
    assert first.isfinite().all()
    if not getattr(regularizer, "one_sided", False):
        assert (first != 0).any()


@pytest.mark.parametrize("regularizer", PENALTIES, ids=str)
def test_penalties_leave_the_images_and_the_global_random_state_alone(
    regularizer: Regularizer,
) -> None:
    judge = critic()
    view = view_of(judge, regularizer)
    before, state = view.fake.detach().clone(), torch.get_rng_state()
    regularizer.discriminator(view).backward()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(view.fake, before)
    for side, images in (("real", view.real), ("fake", view.fake)):
        assert images is not None
        assert images.requires_grad == (side in regularizer.differentiates)


@pytest.mark.parametrize("regularizer", [GradientPenalty(), DRAGAN()], ids=str)
def test_a_flat_critic_pays_the_whole_weight_and_gets_finite_gradients(
    regularizer: Regularizer,
) -> None:
    flat = critic()
    nn.init.zeros_(flat[-1].weight)
    value = regularizer.discriminator(view_of(flat, regularizer))
    assert value.item() == pytest.approx(10)
    value.backward()
    assert all(p.grad.isfinite().all() for p in flat.parameters() if p.grad is not None)


@pytest.mark.parametrize("regularizer", PENALTIES, ids=str)
def test_penalties_declare_what_they_need_and_leave_laziness_to_the_step(
    regularizer: Regularizer,
) -> None:
    assert set(regularizer.needs) == {"per-sample-critic"}
    assert regularizer.players == {"discriminator"}
    lazy = type(regularizer)(every=16)
    judge = critic()
    assert torch.equal(
        lazy.discriminator(view_of(judge, lazy)),
        type(regularizer)().discriminator(view_of(judge, lazy)),
    )


@pytest.mark.parametrize("regularizer", [GradientPenalty(), DRAGAN(), R1()], ids=str)
def test_a_view_without_real_images_is_refused(regularizer: Regularizer) -> None:
    view = view_of(critic(), regularizer)
    view.real = None
    with pytest.raises(ValueError, match="real images"):
        regularizer.discriminator(view)


def test_doing_nothing_is_declared_as_such() -> None:
    assert ganbench.get("regularizer", "none") == NoRegularizer()
    assert NoRegularizer().players == frozenset()
    augmentation = ganbench.get("augmentation", "none")
    assert augmentation == NoAugmentation()
    assert augmentation.identity
    images = torch.zeros(2, 1, 4, 4)
    assert augmentation.apply(images, torch.Generator(), {}) is images


@pytest.mark.parametrize("name", ["gradient-penalty", "r1", "r2", "dragan"])
def test_penalties_are_found_by_name_with_their_options(name: str) -> None:
    assert ganbench.get("regularizer", f"{name}[every=4]").every == 4
