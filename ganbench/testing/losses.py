"""The contract of losses, as tests."""

from __future__ import annotations

import itertools
from typing import ClassVar, get_args

import torch
from torch import Tensor

from ganbench.components.architecture import Architecture
from ganbench.components.data import DataSpec
from ganbench.components.loss import Loss
from ganbench.components.regularizer import Player, Regularizer
from ganbench.components.view import View
from ganbench.testing.components import TrainedTests
from ganbench.testing.harness import (
    check_reads_only_needs,
    check_two_steps,
    kept_in_place,
    make_trainer,
    own_randomness,
)
from ganbench.testing.partners import CPU, Partner
from ganbench.training.contract import check_gradient, scalar
from ganbench.training.trainer import Trainer
from ganbench.training.undeclared import asked, check_reads

PLAYERS: tuple[Player, ...] = get_args(Player)
_SHAPES = ((8,), (8, 1), (6, 1, 3, 3))


class LossTests(TrainedTests):
    """Inherit, and name the loss::

        class TestSoftHinge(LossTests):
            component = SoftHinge(margin=0.5)

    :cvar component: the loss under test.
    :cvar architecture: the partner of the loss in trainings; name one if `Loss.needs` asks for a
        capability that the core does not know.
    :cvar data: the data of that training.
    """

    component: Loss
    architecture: ClassVar[Architecture] = Partner()
    data: ClassVar[DataSpec] = DataSpec(1, 8, 8, classes=3)

    def test_losses_are_scalars_with_gradients(self) -> None:
        """Logits of any shape with the batch first give one number each, float32."""
        for shape in _SHAPES:
            real, fake = _logits(shape, 1), _logits(shape, 2)
            for player, value in self._both(real, fake).items():
                assert value.shape == (), (
                    f"{player}() returns a tensor of shape {tuple(value.shape)} for logits {shape}: "
                    "return a scalar, such as its mean"
                )
                assert value.dtype == torch.float32, (
                    f"{player}() returns {value.dtype} for float32 logits: keep their type"
                )
                check_gradient(self.component, player, value)
                used = {"fake": fake} | ({"real": real} if player == "discriminator" else {})
                slopes = torch.autograd.grad(value, list(used.values()), allow_unused=True)
                for name, slope in zip(used, slopes, strict=True):
                    depends = slope is not None and bool(slope.any())
                    assert depends, f"{player}: the loss does not depend on {name} logits"

    def test_losses_are_pure_functions(self) -> None:
        """The same logits give the same loss; nothing is drawn and nothing is overwritten."""
        real, fake = _logits((8,), 1).detach(), _logits((8,), 2).detach()
        kept = real.clone(), fake.clone()
        with own_randomness("the loss"):
            first, again = self._both(real, fake), self._both(real, fake)
        assert first == again, f"the same logits give {first} and then {again}"
        assert torch.equal(real, kept[0]), "the loss overwrites real logits"
        assert torch.equal(fake, kept[1]), "the loss overwrites fake logits"

    def test_the_losses_of_a_step_are_pure_but_for_their_state(self) -> None:
        """`discriminator_loss` and `generator_loss`: the same view and state give the same loss."""
        for player in PLAYERS:
            values = []
            for _ in range(2):
                view = self._trainer().view(player)
                with (
                    own_randomness(f"the {player}'s loss"),
                    kept_in_place(view.state, f"{player}: "),
                ):
                    loss = asked(self.component, player, f"{player}_loss", view)
                    values.append(loss.item())
            assert values[0] == values[1], f"{player}: the same view gives {values}"

    def test_extreme_logits_give_finite_losses_and_gradients(self) -> None:
        """A critic that is far off must find back: use log-space forms such as softplus."""
        for size, one, other in itertools.product((1e2, 1e4), (1, -1), (1, -1)):
            real = torch.full((4,), one * size, requires_grad=True)
            fake = torch.full((4,), other * size, requires_grad=True)
            for player, value in self._both(real, fake).items():
                where = f"{player} at logits {one * size:g} (real) and {other * size:g} (fake)"
                assert value.isfinite(), f"{where}: the loss is {value.item()}"
                check_gradient(self.component, player, value)
                for slope in torch.autograd.grad(value, (real, fake), allow_unused=True):
                    assert slope is None or slope.isfinite().all(), f"{where}: gradient {slope}"

    def test_generator_uses_real_is_true(self) -> None:
        """It decides whether the discriminator also sees real images in the generator's update.

        A loss that does not declare it may look or not: True is the safe side.
        """
        fake = _logits((8,), 2).detach()
        reals = [scale * _logits((8,), seed).detach() for seed, scale in enumerate((0, 1, 5, -5))]
        if not self.component.generator_uses_real:
            without = self._generator(reals[0], fake)
            same = all(torch.equal(self.component.generator(real, fake), without) for real in reals)
            assert same, "generator() looks at real logits: set generator_uses_real = True"
        elif _declares(type(self.component), "generator_uses_real"):
            values = {self.component.generator(real, fake).item() for real in reals}
            assert len(values) > 1, (
                "generator does not look at real logits: generator_uses_real = False saves a pass "
                "of the discriminator in every step"
            )

    def test_a_higher_logit_means_more_real(self) -> None:
        """The discriminator raises real logits above fake ones, and the generator follows."""
        real, fake = (0.1 * _logits((64,), seed).detach() for seed in (1, 2))
        descent = torch.optim.SGD([real.requires_grad_(), fake.requires_grad_()], lr=32)
        for _ in range(20):
            descent.zero_grad()
            self._discriminator(real, fake).backward()
            descent.step()
        gap = (real.mean() - fake.mean()).item()
        assert gap > 0, f"the discriminator's loss puts real logits {-gap:g} below fake ones"
        loss = self._generator(real, fake)
        check_gradient(self.component, "generator", loss)
        (pull,) = torch.autograd.grad(loss, fake)
        assert pull.sum() < 0, "the generator's loss does not raise the logits of its images"

    def test_penalties_and_needs_are_well_formed(self) -> None:
        """`Loss.penalties` gives regularizers, `Loss.needs` a reason for each capability."""
        for penalty in self.component.penalties():
            assert isinstance(penalty, Regularizer), f"{penalty!r} must be a Regularizer"
        for capability, reason in self.component.needs.items():
            assert isinstance(capability, str), (
                f"{capability!r} must be text, the name of a capability"
            )
            assert isinstance(reason, str), f"{capability} is needed without a reason"

    def test_two_steps_of_training(self) -> None:
        """With its penalties and its projection, under the settings that it recommends.

        Also with an architecture that gives what `Loss.needs` names, and nothing else.
        """
        check_two_steps(self._trainer())
        check_reads_only_needs(self.data, self.component)

    def _trainer(self, device: torch.device = CPU) -> Trainer:
        return make_trainer(
            self.data, architecture=self.architecture, loss=self.component, device=device
        )

    def _both(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        return {
            "discriminator": self._discriminator(real, fake),
            "generator": self._generator(real, fake),
        }

    def _discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        value = self.component.discriminator(real, fake)
        checked: Tensor = scalar(self.component, "discriminator", value)
        return checked

    def _generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The generator's loss; real logits are None where the loss says that it does without them."""
        seen = real if self.component.generator_uses_real else None
        view = View(
            critic=torch.sum,
            real=seen,
            fake=fake,
            real_logits=seen,
            fake_logits=fake,
            random=torch.Generator(),
        )

        def call(view: View) -> Tensor:
            return self.component.generator(view.real_logits, view.fake_logits)  # type: ignore[arg-type]

        try:
            value = call(view)
        except Exception as error:
            check_reads(self.component, "generator", call, view, error)
            raise
        checked: Tensor = scalar(self.component, "generator", value)
        return checked


def _logits(shape: tuple[int, ...], seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(shape, generator=random)).requires_grad_()


def _declares(cls: type[Loss], name: str) -> bool:
    """Whether a class other than the contract sets the attribute."""
    return any(name in vars(base) for base in cls.__mro__[: cls.__mro__.index(Loss)])
