"""R1 and R2 with a γ that falls over the training."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import ganbench
from ganbench import Progress, View
from ganbench.testing import RegularizerTests
from ganbench_regularizers.zero_centered import R1, R2, ZeroCentered

CPU = torch.device("cpu")
KINDS = [R1, R2]


class TestAnnealedR1(RegularizerTests):
    component = R1(gamma=2.0, gamma_final=0.2, anneal=0.5)


class TestAnnealedR2(RegularizerTests):
    component = R2(gamma=2.0, gamma_final=0.2)


def gamma_at(regularizer: ZeroCentered, share: float) -> float:
    state = regularizer.initial_state(CPU)
    regularizer.advance(state, Progress(0, share))
    return state["gamma"].item()


def term(regularizer: ZeroCentered, share: float) -> torch.Tensor:
    """The penalty of a linear critic, whose squared slope is 4."""
    state = regularizer.initial_state(CPU)
    regularizer.advance(state, Progress(0, share))
    linear = nn.Linear(4, 1)
    nn.init.ones_(linear.weight)
    images = torch.zeros(3, 1, 2, 2, requires_grad=True)
    logits = linear(images.flatten(1))
    view = View(
        critic=linear,
        real=images,
        fake=images,
        real_logits=logits,
        fake_logits=logits,
        random=torch.Generator(),
        state=state,
    )
    return regularizer.discriminator(view)


@pytest.mark.parametrize("kind", KINDS)
def test_gamma_falls_by_half_a_cosine_and_stays(kind: type[ZeroCentered]) -> None:
    falling = kind(gamma=0.05, gamma_final=0.005, anneal=0.08)
    assert gamma_at(falling, 0.0) == pytest.approx(0.05)
    assert gamma_at(falling, 0.04) == pytest.approx(0.0275)
    quarter = 0.005 + 0.045 * (1 + math.sqrt(0.5)) / 2
    assert gamma_at(falling, 0.02) == pytest.approx(quarter)
    for share in (0.08, 0.5, 1.0):
        assert gamma_at(falling, share) == pytest.approx(0.005)


@pytest.mark.parametrize("kind", KINDS)
def test_the_term_has_the_gamma_of_its_progress(kind: type[ZeroCentered]) -> None:
    falling = kind(gamma=3.0, gamma_final=1.0)
    assert [term(falling, share).item() for share in (0.0, 0.5, 1.0)] == pytest.approx([6, 4, 2])


@pytest.mark.parametrize("kind", KINDS)
def test_gamma_may_rise_or_fall_to_nothing(kind: type[ZeroCentered]) -> None:
    assert gamma_at(kind(gamma=1.0, gamma_final=4.0), 0.5) == pytest.approx(2.5)
    assert term(kind(gamma=1.0, gamma_final=0.0), 1.0).item() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_final_gamma_there_is_no_state_and_the_plain_arithmetic(
    kind: type[ZeroCentered],
) -> None:
    plain = kind(gamma=0.3)
    assert plain.initial_state(CPU) == {}
    assert torch.equal(term(plain, 0.7), torch.tensor(0.5 * 0.3 * 4))


@pytest.mark.parametrize("kind", KINDS)
def test_gamma_follows_from_the_progress_alone(kind: type[ZeroCentered]) -> None:
    falling = kind(gamma=3.0, gamma_final=1.0)
    state = falling.initial_state(CPU)
    for share in (0.9, 0.1, 0.4, 0.4):
        falling.advance(state, Progress(0, share))
    assert state["gamma"].item() == gamma_at(falling, 0.4)


def test_its_options_are_found_by_name() -> None:
    found = ganbench.get("regularizer", "r1[gamma=0.05, gamma_final=0.005, anneal=0.08]")
    assert found == R1(gamma=0.05, gamma_final=0.005, anneal=0.08)
