"""Each loss against its paper's formula, written with probabilities and plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import ganbench
from ganbench import Loss
from ganbench_losses.least_squares import LeastSquares
from ganbench_losses.logistic import Minimax, NonSaturating
from ganbench_losses.wasserstein import WGAN, WGANGP

Formula = Callable[[float, float], float]


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def cross_entropy(logit: float, target: float) -> float:
    probability = sigmoid(logit)
    return -target * math.log(probability) - (1 - target) * math.log(1 - probability)


def classify(target: float) -> Formula:
    return lambda real, fake: cross_entropy(real, target) + cross_entropy(fake, 0)


#: spec -> what discriminator and generator minimize, for one pair of logits
FORMULAS: dict[str, tuple[Formula, Formula]] = {
    "minimax": (classify(1), lambda real, fake: math.log(1 - sigmoid(fake))),
    "minimax[smoothing=0.1]": (classify(0.9), lambda real, fake: math.log(1 - sigmoid(fake))),
    "non-saturating": (classify(1), lambda real, fake: -math.log(sigmoid(fake))),
    "non-saturating[smoothing=0.25]": (
        classify(0.75),
        lambda real, fake: -math.log(sigmoid(fake)),
    ),
    "lsgan": (
        lambda real, fake: ((real - 1) ** 2 + fake**2) / 2,
        lambda real, fake: (fake - 1) ** 2 / 2,
    ),
    "lsgan[smoothing=0.1]": (
        lambda real, fake: ((real - 0.9) ** 2 + fake**2) / 2,
        lambda real, fake: (fake - 1) ** 2 / 2,
    ),
    "lsgan[a=-1.0,c=0.0]": (
        lambda real, fake: ((real - 1) ** 2 + (fake + 1) ** 2) / 2,
        lambda real, fake: fake**2 / 2,
    ),
    "hinge": (
        lambda real, fake: -min(0, real - 1) - min(0, -1 - fake),
        lambda real, fake: -fake,
    ),
    "wgan": (lambda real, fake: fake - real, lambda real, fake: -fake),
    "wgan-gp": (lambda real, fake: fake - real, lambda real, fake: -fake),
    "wgan-gp[drift=0.001]": (
        lambda real, fake: fake - real + 0.001 * real**2,
        lambda real, fake: -fake,
    ),
    "relativistic": (
        lambda real, fake: -math.log(sigmoid(real - fake)),
        lambda real, fake: -math.log(sigmoid(fake - real)),
    ),
}
SPECS = list(FORMULAS)


def logits(*shape: int, seed: int) -> Tensor:
    return 3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def loss_of(spec: str) -> Loss:
    loss = ganbench.get("loss", spec)
    assert isinstance(loss, Loss)
    return loss


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("shape", [(6,), (6, 1), (3, 1, 4, 4)])
def test_losses_are_means_of_their_formulas(spec: str, shape: tuple[int, ...]) -> None:
    loss, (discriminator, generator) = loss_of(spec), FORMULAS[spec]
    real, fake = logits(*shape, seed=1), logits(*shape, seed=2)
    pairs = list(zip(real.flatten().tolist(), fake.flatten().tolist(), strict=True))
    for value, formula in (
        (loss.discriminator(real, fake), discriminator),
        (loss.generator(real, fake), generator),
    ):
        assert value.shape == ()
        assert value.item() == pytest.approx(
            sum(formula(*pair) for pair in pairs) / len(pairs), rel=1e-4
        )


@pytest.mark.parametrize("spec", [spec for spec in SPECS if "[" not in spec])
def test_players_pull_in_opposite_directions(spec: str) -> None:
    """At undecided logits the discriminator parts real from fake and the generator follows real."""
    loss = loss_of(spec)
    real, fake = torch.full((4,), 0.2), torch.full((4,), 0.3)
    real.requires_grad_()
    fake.requires_grad_()
    up, down = torch.autograd.grad(loss.discriminator(real, fake), (real, fake))
    (follow,) = torch.autograd.grad(loss.generator(real, fake), fake)
    assert (up < 0).all()
    assert (down > 0).all()
    assert (follow < 0).all()


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("size", [1e3, -1e3])
def test_losses_and_gradients_are_finite_for_huge_logits(spec: str, size: float) -> None:
    loss = loss_of(spec)
    real = torch.full((4,), size, requires_grad=True)
    fake = torch.full((4,), -size, requires_grad=True)
    total = loss.discriminator(real, fake) + loss.generator(real, fake)
    assert total.isfinite()
    for gradient in torch.autograd.grad(total, (real, fake)):
        assert gradient.isfinite().all()


@pytest.mark.parametrize("spec", SPECS)
def test_losses_say_truly_whether_the_generator_needs_real_logits(spec: str) -> None:
    loss = loss_of(spec)
    real, fake = logits(5, seed=1), logits(5, seed=2)
    uses_real = bool(loss.generator(real, fake) != loss.generator(real + 1, fake))
    assert loss.generator_uses_real == uses_real
    if not uses_real:
        loss.generator(None, fake)  # type: ignore[arg-type]


def test_saturation_is_what_tells_minimax_from_non_saturating() -> None:
    lost = torch.full((1,), -10.0, requires_grad=True)
    slopes = [
        torch.autograd.grad(loss.generator(lost, lost), lost)[0].abs().item()
        for loss in (Minimax(), NonSaturating())
    ]
    assert slopes[0] < 1e-4
    assert slopes[1] == pytest.approx(1, abs=1e-4)


def test_the_smoothed_optimum_is_the_logit_of_the_target() -> None:
    real = torch.tensor([math.log(9.0)], requires_grad=True)  # sigmoid = 0.9
    loss = NonSaturating(smoothing=0.1).discriminator(real, torch.zeros(1))
    assert torch.autograd.grad(loss, real)[0].item() == pytest.approx(0, abs=1e-6)


def test_codes_must_differ() -> None:
    with pytest.raises(ValueError, match="a and b must differ"):
        LeastSquares(a=1.0)


def test_weight_clipping_bounds_every_parameter_and_spares_those_within() -> None:
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 1))
    before = [parameter.detach().clone() for parameter in critic.parameters()]
    with torch.no_grad():
        WGAN(clip=0.2).project(critic)
    for old, new in zip(before, critic.parameters(), strict=True):
        assert torch.equal(new, old.clamp(-0.2, 0.2))
    assert any((old.abs() > 0.2).any() for old in before)


def test_only_wgan_gp_brings_a_penalty() -> None:
    (penalty,) = WGANGP(weight=3.0).penalties()
    assert penalty == ganbench.get("regularizer", "gradient-penalty[weight=3.0]")
    assert "per-sample-critic" in WGANGP.needs
    for spec in SPECS:
        loss = loss_of(spec)
        if not isinstance(loss, WGANGP):
            assert loss.penalties() == ()
            assert loss.needs == {}


def test_papers_settings() -> None:
    assert WGAN().recommends == {
        "g_optimizer": "rmsprop",
        "d_optimizer": "rmsprop",
        "g_lr": 5e-5,
        "d_lr": 5e-5,
        "d_steps": 5,
    }
    assert WGANGP().recommends["d_betas"] == (0.0, 0.9)
    assert WGANGP().recommends["d_steps"] == 5
    for loss in map(loss_of, SPECS):
        assert isinstance(loss, WGAN | WGANGP) or loss.recommends == {}
