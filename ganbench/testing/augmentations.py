"""The contract of augmentations, as tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.components.augmentation import Augmentation
from ganbench.components.data import DataSpec
from ganbench.testing.components import ComponentTests
from ganbench.testing.harness import (
    CPU,
    check_checkpoint,
    made_up_images,
    make_trainer,
    own_randomness,
)
from ganbench.training.trainer import Trainer


class AugmentationTests(ComponentTests):
    """Inherit, and name the augmentation::

        class TestMyAugmentation(AugmentationTests):
            component = MyAugmentation(strength=0.5)

    :cvar component: the augmentation under test.
    :cvar data: images that it is for.
    """

    component: Augmentation
    data: ClassVar[Sequence[DataSpec]] = (DataSpec(1, 8, 8), DataSpec(3, 16, 16))

    def test_images_keep_their_shape_and_pass_gradients_on(self) -> None:
        """The generator learns through it."""
        for data in self.data:
            images = made_up_images(data).requires_grad_()
            changed = self._apply(images)
            assert changed.shape == images.shape, f"on {data}: {tuple(changed.shape)}"
            assert changed.dtype == images.dtype, f"on {data}: {changed.dtype}"
            assert changed.isfinite().all(), f"on {data}: values are not finite"
            (slope,) = torch.autograd.grad(changed.square().sum(), images)
            assert slope.any(), f"on {data}: no gradient comes through"
            assert slope.isfinite().all(), f"on {data}: a gradient is not finite"

    def test_a_gradient_penalty_goes_through_it(self) -> None:
        """R1 differentiates the logits by the images before augmentation, and then once more."""
        for data in self.data:
            images = made_up_images(data).requires_grad_()
            weight = torch.tensor(0.5, requires_grad=True)  # stands for the discriminator's
            logits = (weight * self._apply(images)).tanh().sum()
            (slope,) = torch.autograd.grad(logits, images, create_graph=True)
            problem = f"on {data}: a gradient penalty cannot be differentiated through apply"
            assert slope.requires_grad, problem
            (second,) = torch.autograd.grad(slope.square().sum(), weight)
            assert second.isfinite(), f"on {data}: a second derivative is not finite"
            assert second != 0, problem

    def test_randomness_is_its_own(self) -> None:
        """The same state of ``random`` gives the same images, and images are not overwritten."""
        for data in self.data:
            images = made_up_images(data)
            kept = images.clone()
            with own_randomness("apply"):
                first, again = self._apply(images), self._apply(images)
            assert torch.equal(first, again), f"on {data}: the same generator gives other images"
            assert torch.equal(images, kept), f"on {data}: the images are overwritten"

    def test_identity_means_that_nothing_changes(self) -> None:
        """An augmentation with ``identity`` is never called."""
        if not self.component.identity:
            return
        for data in self.data:
            images = made_up_images(data)
            assert torch.equal(self._apply(images), images), f"on {data}: identity changes images"

    def test_state_is_kept_in_place(self) -> None:
        """A checkpoint restores the tensors of `Augmentation.initial_state`, and nothing else."""
        state = self.component.initial_state(CPU)
        before = dict(state)
        self._apply(made_up_images(self.data[0]), state)
        with torch.no_grad():
            self.component.observe(torch.linspace(-1, 1, 8), state)
        kept = state.keys() == before.keys() and all(state[k] is before[k] for k in state)
        assert kept, "state must be updated in place, as in state['x'].copy_(…)"

    def test_a_checkpoint_holds_everything(self) -> None:
        """A training that went through a checkpoint goes on to the same bits as one that did not."""
        where = "what the augmentation keeps must be in the tensors of initial_state"
        check_checkpoint(self._trainer, where)

    def test_two_steps_of_training(self) -> None:
        """Both players stay finite."""
        for data in self.data:
            trainer = make_trainer(data, augmentations=[self.component])
            trainer.time_steps(2)
            assert trainer.failed_step() is None, f"on {data}: a loss or a gradient is not finite"
            assert trainer.weights_finite(), f"on {data}: a weight is not finite"

    def _trainer(self) -> Trainer:
        return make_trainer(self.data[0], augmentations=[self.component])

    def _apply(self, images: Tensor, state: dict[str, Tensor] | None = None) -> Tensor:
        state = self.component.initial_state(CPU) if state is None else state
        return self.component.apply(images, torch.Generator().manual_seed(0), state)
