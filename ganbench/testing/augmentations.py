"""The contract of augmentations, as tests."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.components.augmentation import Augmentation
from ganbench.components.data import DataSpec
from ganbench.testing.components import TrainedTests
from ganbench.testing.gpu_checks import check_on_gpu
from ganbench.testing.harness import check_two_steps, kept_in_place, make_trainer, own_randomness
from ganbench.testing.partners import CPU, made_up_images
from ganbench.training.contract import augmented
from ganbench.training.trainer import Trainer


class AugmentationTests(TrainedTests):
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
            assert changed.dtype == images.dtype, f"on {data}: {changed.dtype}"
            assert changed.isfinite().all(), f"on {data}: values are not finite"
            assert changed.requires_grad, (
                f"on {data}: no gradient comes through: leave out detach(), round() and no_grad()"
            )
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
            assert torch.equal(self._apply(images), images), (
                f"on {data}: identity = True, and it changes images"
            )

    def test_state_is_kept_in_place(self) -> None:
        """A checkpoint restores the tensors of `Augmentation.initial_state`, and nothing else."""
        state = self.component.initial_state(CPU)
        with kept_in_place(state), torch.no_grad():
            self._apply(made_up_images(self.data[0]), state)
            self.component.observe(torch.linspace(-1, 1, 8), state)

    def test_two_steps_of_training(self) -> None:
        """Both players stay finite."""
        for data in self.data:
            check_two_steps(make_trainer(data, augmentations=[self.component]), f"on {data}: ")

    def test_it_trains_on_a_gpu(self) -> None:
        """On a simulated GPU: everything lies on one device, no step waits, all bits are repeatable."""
        for data in self.data:
            check_on_gpu(functools.partial(self._on, data), f"on {data}, ")

    def _trainer(self, device: torch.device = CPU) -> Trainer:
        return self._on(self.data[0], device)

    def _on(self, data: DataSpec, device: torch.device) -> Trainer:
        return make_trainer(data, augmentations=[self.component], device=device)

    def _apply(self, images: Tensor, state: dict[str, Tensor] | None = None) -> Tensor:
        state = self.component.initial_state(CPU) if state is None else state
        made = self.component.apply(images, torch.Generator().manual_seed(0), state)
        return augmented(self.component, images, made)
