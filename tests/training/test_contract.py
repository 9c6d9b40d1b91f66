"""Components that do not keep their contract end their trial with one sentence that names them."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import softplus

import ganbench as gb
from ganbench.base.errors import ContractError
from ganbench.testing.harness import make_trainer
from ganbench.testing.partners import Partner, PartnerCritic, SparePartner

DATA = gb.DataSpec(1, 8, 8, classes=3)


class Plain(gb.Loss):
    def discriminator(self, real, fake):
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, real, fake):
        return softplus(-fake).mean()


class ReadsReal(Plain):
    generator_uses_real = False

    def generator(self, real, fake):
        return softplus(real.mean() - fake).mean()


class ReadsLabels(Plain):
    def generator_loss(self, view):
        return super().generator_loss(view) * view.labels.float().mean()


class ReadsMuch(ReadsReal):
    def generator_loss(self, view):
        return super().generator_loss(view) + view.fake_critique.features.mean()


class Wrong(Plain):
    """It fails by itself, whatever it is given."""

    def generator(self, real, fake):
        return fake.no_such_method()


class Unreduced(Plain):
    def discriminator(self, real, fake):
        return softplus(-real) + softplus(fake)


class Nothing(Plain):
    def generator(self, real, fake):
        softplus(-fake).mean()


class Constant(Plain):
    def generator(self, real, fake):
        return softplus(-fake.detach() + 0 * real).mean()


class BadState(Plain):
    def initial_state(self, device):
        return {"mean": 0.0}


class Undeclared(gb.Regularizer):
    def discriminator(self, view):
        (slope,) = torch.autograd.grad(view.real_logits.sum(), view.real, create_graph=True)
        return slope.square().sum()


class Declared(Undeclared):
    differentiates = frozenset({"real"})


class Vector(gb.Regularizer):
    def discriminator(self, view):
        return view.real_logits


class Smaller(gb.Augmentation):
    def apply(self, images, random, state):
        return images[:, :, 1:]


class Rounds(gb.Augmentation):
    def apply(self, images, random, state):
        return images.detach()


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            {"loss": ReadsReal()},
            "generator() of loss ReadsReal reads `real`, and generator_uses_real is False: set "
            "generator_uses_real = True",
        ),
        ({"loss": ReadsLabels()}, "reads labels, which this trial does not have"),
        (
            {"loss": ReadsMuch()},
            "reads `real`, and generator_uses_real is False: set generator_uses_real = True, or let it "
            "depend on fake alone; it reads features of the discriminator",
        ),
        ({"loss": Unreduced()}, "discriminator() of loss Unreduced returns a tensor of shape (8,)"),
        (
            {"loss": Nothing()},
            "generator() of loss Nothing returns None: return the value to minimi",
        ),
        ({"loss": Constant()}, "generator() of loss Constant returns a loss without a gradient"),
        (
            {"loss": BadState()},
            "initial_state() of loss BadState returns {'mean': 0.0}: return a dict",
        ),
        (
            {"regularizers": [Undeclared()]},
            "discriminator() of regularizer Undeclared differentiates by the real images without "
            "saying so: set differentiates = frozenset({'real'})",
        ),
        ({"regularizers": [Vector()]}, "regularizer Vector returns a tensor of shape (8,)"),
        ({"augmentations": [Smaller()]}, "apply() of augmentation Smaller returns images of shape"),
        ({"augmentations": [Rounds()]}, "no weight of the generator gets a gradient"),
    ],
    ids=lambda value: "" if isinstance(value, str) else None,
)
def test_what_a_component_did_is_said(parts, sentence):
    with pytest.raises(ContractError) as caught:
        make_trainer(DATA, architecture=SparePartner(), **parts).time_steps(1)
    assert sentence in str(caught.value)


def test_what_is_declared_is_given():
    make_trainer(DATA, regularizers=[Declared()]).time_steps(1)


def test_an_error_with_another_cause_stays_as_it_is():
    with pytest.raises(AttributeError, match="no_such_method"):
        make_trainer(DATA, architecture=SparePartner(), loss=Wrong()).time_steps(1)


class Pair(Partner):
    """Networks with one fault."""

    fault: str = ""

    def build(self, data):
        networks = super().build(data)
        if self.fault == "one":
            return networks.generator
        return networks._replace(discriminator=Faulty(data, self.fault))

    def capabilities(self, data):
        return frozenset({gb.CRITIC_FEATURES})


class Faulty(PartnerCritic):
    def __init__(self, data, fault):
        super().__init__(data)
        self.fault = fault

    def forward(self, images, labels=None):
        critique = super().forward(images)
        if self.fault == "size":
            return self.judge(images)
        answers = {"tuple": (critique.logits,), "mean": critique.logits.mean()}
        return answers.get(self.fault, critique.logits)


class Matching(Plain):
    needs = {gb.CRITIC_FEATURES: "it compares features"}  # noqa: RUF012

    def generator_loss(self, view):
        return view.fake_critique.features.mean()


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("one", "build() of architecture Pair returns PartnerGenerator"),
        ("tuple", "the discriminator returns tuple instead of logits or a ganbench.Critique"),
        ("mean", "the discriminator answers 8 images with logits of shape (); return logits with"),
        (
            "size",
            "the discriminator of architecture Pair fails on 1 input of shape (8, 1, 8, 8): Ru",
        ),
        ("", "architecture Pair claims critic-features, but its discriminator returns none"),
    ],
)
def test_networks_that_cannot_be_trained_are_named_before_the_first_step(fault, sentence):
    with pytest.raises((ContractError, AssertionError)) as caught:
        make_trainer(DATA, architecture=Pair(fault=fault), loss=Matching())
    assert sentence in str(caught.value)
