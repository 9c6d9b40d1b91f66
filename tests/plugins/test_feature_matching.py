"""Feature matching against its formula, and where it can be used."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import ganbench as gb
from ganbench import CRITIC_FEATURES, Critique, DataSpec, View
from ganbench.testing import LossTests
from ganbench.testing.harness import make_cell, make_trainer
from ganbench.testing.partners import Partner
from ganbench_losses.feature_matching import FeatureMatching
from ganbench_losses.logistic import NonSaturating


class TestFeatureMatching(LossTests):
    component = FeatureMatching()


class TestWithSmoothing(LossTests):
    component = FeatureMatching(smoothing=0.1)


class Featureless(Partner):
    """A pair whose discriminator keeps its features to itself."""

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        return super().capabilities(data) - {CRITIC_FEATURES}


def numbers(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def view_of(real: Critique | None, fake: Critique) -> View:
    return View(
        critic=lambda images: images,
        real=None,
        fake=torch.zeros(1),
        real_logits=None if real is None else real.logits,
        fake_logits=fake.logits,
        random=torch.Generator(),
        real_critique=real,
        fake_critique=fake,
    )


def test_the_generator_minimizes_the_squared_distance_of_mean_features() -> None:
    real, fake = numbers(6, 3, seed=1), numbers(6, 3, seed=2)
    view = view_of(Critique(numbers(6, seed=3), real), Critique(numbers(6, seed=4), fake))
    expected = 0.0
    for column in range(3):
        means = [sum(row[column] for row in side.tolist()) / 6 for side in (real, fake)]
        expected += (means[0] - means[1]) ** 2
    assert FeatureMatching().generator_loss(view).item() == pytest.approx(expected)


def test_the_generator_follows_features_and_not_logits() -> None:
    logits, features = numbers(6, seed=1).requires_grad_(), numbers(6, 3, seed=2).requires_grad_()
    view = view_of(Critique(numbers(6, seed=3), numbers(6, 3, seed=4)), Critique(logits, features))
    loss = FeatureMatching().generator_loss(view)
    by_features, by_logits = torch.autograd.grad(loss, (features, logits), allow_unused=True)
    assert by_features.any()
    assert by_logits is None


def test_the_discriminator_is_trained_as_usual() -> None:
    real, fake = numbers(5, seed=1), numbers(5, seed=2)
    view = view_of(Critique(real, numbers(5, 2, seed=3)), Critique(fake, numbers(5, 2, seed=4)))
    for smoothing in (0.0, 0.1):
        usual = NonSaturating(smoothing=smoothing).discriminator(real, fake)
        assert torch.equal(FeatureMatching(smoothing=smoothing).discriminator_loss(view), usual)


def test_a_discriminator_without_features_is_told_what_is_missing() -> None:
    logits = numbers(4, seed=1)
    for real in (Critique(logits), None):
        with pytest.raises(ValueError, match="returns its features"):
            FeatureMatching().generator_loss(view_of(real, Critique(logits, numbers(4, 2, seed=2))))


def test_cells_without_features_are_left_out_with_the_reason() -> None:
    cell = make_cell(DataSpec(1, 8, 8), Featureless(), FeatureMatching())
    assert cell.reason is not None
    assert "compares the discriminator's features" in cell.reason
    assert "critic-features" in cell.reason


@pytest.mark.parametrize("spec", ["mlp[g_widths=[8],d_widths=[8]]", "dcgan[width=4]"])
def test_it_trains_the_classic_designs(spec: str) -> None:
    architecture = gb.get("architecture", spec)
    trainer = make_trainer(DataSpec(1, 8, 8), architecture=architecture, loss=FeatureMatching())
    trainer.time_steps(2)
    assert trainer.failed_step() is None
    assert trainer.weights_finite()
