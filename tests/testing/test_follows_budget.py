"""The suites notice a component that follows the budget and says that it does not."""

import pytest
import torch

import ganbench as gb
from ganbench.testing import RegularizerTests


class Rising(gb.Regularizer):
    """A penalty that grows with the share of the budget."""

    differentiates = frozenset({"real"})

    honest: bool = False

    @property
    def follows_budget(self):
        return self.honest

    def initial_state(self, device):
        return {"weight": torch.zeros((), device=device)}

    def advance(self, state, progress):
        state["weight"].fill_(progress.share)

    def discriminator(self, view):
        return view.state["weight"] * view.real_logits.mean()


def suite(component):
    made = type("Suite", (RegularizerTests,), {"component": component})
    return made()


def test_a_false_claim_is_named():
    with pytest.raises(AssertionError, match="follows_budget is False, and two steps of Rising"):
        suite(Rising()).test_it_says_whether_it_follows_the_budget()
    suite(Rising(honest=True)).test_it_says_whether_it_follows_the_budget()


def test_an_own_advance_counts_as_following_by_default():
    class Plain(gb.Regularizer):
        def advance(self, state, progress):
            pass

    class Without(gb.Regularizer):
        pass

    assert Plain().follows_budget
    assert not Without().follows_budget
