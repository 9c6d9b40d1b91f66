"""The auxiliary classifier GAN against its formula, and where it can be used."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ganbench import CRITIC_CLASSES, Critique, DataSpec, View
from ganbench.testing import LossTests
from ganbench.testing.harness import make_cell
from ganbench.testing.partners import Partner
from ganbench_losses.auxiliary_classifier import AuxiliaryClassifier
from ganbench_losses.hinge import Hinge
from ganbench_losses.logistic import NonSaturating

LABELS = [2, 0, 1, 2]


class ConditionalPartner(Partner):
    """The kit's pair, trained with labels."""

    task = "class-conditional"


class Classless(Partner):
    """A pair whose discriminator names no classes."""

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        return super().capabilities(data) - {CRITIC_CLASSES}


class TestAuxiliaryClassifier(LossTests):
    component = AuxiliaryClassifier()
    architecture = ConditionalPartner()


class TestWithHinge(LossTests):
    component = AuxiliaryClassifier(adversarial="hinge", fakes=False, g_weight=0.1)
    architecture = ConditionalPartner()


def numbers(*shape: int, seed: int) -> Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def view_of(labels: Tensor | None = None, classes: bool = True) -> View:
    real, fake = (
        Critique(numbers(4, seed=s), class_logits=numbers(4, 3, seed=s + 9) if classes else None)
        for s in (1, 2)
    )
    return View(
        critic=lambda images: images,
        real=None,
        fake=torch.zeros(1),
        real_logits=real.logits,
        fake_logits=fake.logits,
        random=torch.Generator(),
        labels=labels,
        real_critique=real,
        fake_critique=fake,
    )


def surprise(class_logits: Tensor | None) -> float:
    """Mean -log P(label), by the definition of a softmax."""
    assert class_logits is not None
    total = 0.0
    for row, label in zip(class_logits.tolist(), LABELS, strict=True):
        odds = [math.exp(value) for value in row]
        total -= math.log(odds[label] / sum(odds))
    return total / len(LABELS)


@pytest.mark.parametrize("adversarial", ["non-saturating", "hinge"])
@pytest.mark.parametrize("fakes", [True, False])
def test_both_players_add_the_classifiers_cross_entropy(adversarial: str, fakes: bool) -> None:
    loss = AuxiliaryClassifier(adversarial=adversarial, fakes=fakes, d_weight=0.5, g_weight=0.25)
    source = NonSaturating() if adversarial == "non-saturating" else Hinge()
    view = view_of(torch.tensor(LABELS))
    assert view.real_critique is not None
    assert view.fake_critique is not None
    real, fake = view.real_critique, view.fake_critique
    mistakes = surprise(real.class_logits) + fakes * surprise(fake.class_logits)
    d_expected = source.discriminator(real.logits, fake.logits).item() + 0.5 * mistakes
    g_expected = source.generator(real.logits, fake.logits).item() + 0.25 * surprise(
        fake.class_logits
    )
    assert loss.discriminator_loss(view).item() == pytest.approx(d_expected)
    assert loss.generator_loss(view).item() == pytest.approx(g_expected)


def test_smoothing_moves_the_source_alone() -> None:
    view = view_of(torch.tensor(LABELS))
    plain, smooth = (AuxiliaryClassifier(smoothing=s).discriminator_loss(view) for s in (0.0, 0.1))
    assert view.real_logits is not None
    moved = 0.1 * view.real_logits.mean()
    torch.testing.assert_close(smooth - plain, moved)
    with pytest.raises(ValueError, match="smoothing"):
        AuxiliaryClassifier(adversarial="hinge", smoothing=0.1)


def test_missing_labels_and_missing_class_logits_are_told() -> None:
    with pytest.raises(ValueError, match="needs labels"):
        AuxiliaryClassifier().generator_loss(view_of(None))
    with pytest.raises(ValueError, match="class_logits"):
        AuxiliaryClassifier().discriminator_loss(view_of(torch.tensor(LABELS), classes=False))


@pytest.mark.parametrize(
    ("architecture", "data"),
    [(Classless(), DataSpec(1, 8, 8, classes=3)), (Partner(), DataSpec(1, 8, 8))],
)
def test_cells_without_class_logits_are_left_out_with_the_reason(
    architecture: Partner, data: DataSpec
) -> None:
    reason = make_cell(data, architecture, AuxiliaryClassifier()).reason
    assert reason is not None
    assert "compares the discriminator's class logits" in reason
    assert "critic-classes" in reason or "is given no classes" in reason
