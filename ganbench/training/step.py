"""The training step: one generator update with the discriminator updates that go with it.

Nothing here makes the host wait for the device: no tensor's value is looked at, measurements stay
on the device, and what varies between steps varies by the step's number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from ganbench.components.architecture import Networks
from ganbench.components.augmentation import Augmentation
from ganbench.components.loss import Loss
from ganbench.components.regularizer import Player, Regularizer
from ganbench.components.view import View
from ganbench.training.batches import Batch
from ganbench.training.critic import Critic, call_with_labels
from ganbench.training.ema import AveragedGenerator
from ganbench.training.precision import Arithmetic
from ganbench.training.series import StepSeries, batch_auc
from ganbench.training.streams import Streams

T = TypeVar("T")
State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Stateful(Generic[T]):
    """A component with the tensors that it keeps between steps."""

    component: T
    state: State


@dataclass
class Players:
    """Everything that a step updates."""

    networks: Networks
    averaged: AveragedGenerator
    g_optimizer: torch.optim.Optimizer
    d_optimizer: torch.optim.Optimizer
    regularizers: list[Stateful[Regularizer]]
    augmentations: list[Stateful[Augmentation]]
    streams: Streams


class TrainingStep:
    """The step of one trial; call it once for each step."""

    def __init__(
        self,
        players: Players,
        loss: Loss,
        sample_latents: Callable[[int], torch.Tensor],
        next_batch: Callable[[], Batch],
        series: StepSeries,
        arithmetic: Arithmetic,
        d_steps: int,
        conditional: bool,
        memory_format: torch.memory_format,
    ) -> None:
        self._players, self._loss = players, loss
        self._sample_latents, self._next_batch = sample_latents, next_batch
        self._series, self._arithmetic = series, arithmetic
        self._d_steps, self._conditional = d_steps, conditional
        self._memory_format = memory_format
        self._augmentations = [a for a in players.augmentations if not a.component.identity]
        self._g_parameters = [p for p in players.networks.generator.parameters() if p.requires_grad]
        self._d_parameters = [
            p for p in players.networks.discriminator.parameters() if p.requires_grad
        ]

    def __call__(self, number: int, images: int) -> None:
        """Do step ``number`` (from 0); ``images`` real images have been shown before it."""
        for _ in range(self._d_steps):
            batch = self._next_batch()
            images += len(batch.images)
            d_measures = self._update_discriminator(batch, number)
        g_measures = self._update_generator(batch, number)
        self._players.averaged.update(images, self._d_steps * len(batch.images))
        d_loss, d_auc, d_norm = d_measures
        g_loss, g_norm = g_measures
        self._series.append([d_loss, g_loss, d_auc, d_norm, g_norm])

    def _update_discriminator(self, batch: Batch, number: int) -> tuple[torch.Tensor, ...]:
        players, labels = self._players, self._labels(batch)
        active = self._active("discriminator", number)
        latents = self._sample_latents(len(batch.images))
        with torch.no_grad():
            fake = self._augmented(self._generate(latents, labels))
            real = self._augmented(self._laid_out(batch.images))
        view = self._view(real, fake, latents, labels, active)
        assert view.real_logits is not None
        loss = self._loss.discriminator(view.real_logits, view.fake_logits)
        total = loss
        for regularizer in active:
            view.state = regularizer.state
            term = regularizer.component.discriminator(view)
            total = total + regularizer.component.every * term
        norm = _descend(total, players.d_optimizer, self._d_parameters)
        with torch.no_grad():
            self._loss.project(players.networks.discriminator)
            for augmentation in self._augmentations:
                augmentation.component.observe(view.real_logits, augmentation.state)
        return loss.detach(), batch_auc(view.real_logits, view.fake_logits), norm

    def _update_generator(self, batch: Batch, number: int) -> tuple[torch.Tensor, ...]:
        players, labels = self._players, self._labels(batch)
        active = self._active("generator", number)
        latents = self._sample_latents(len(batch.images))
        critic = Critic(players.networks.discriminator, labels, self._arithmetic)
        fake = self._augmented(self._generate(latents, labels))
        real = real_logits = None
        if self._loss.generator_uses_real:
            with torch.no_grad():
                real = self._augmented(self._laid_out(batch.images))
                real_logits = critic.judge(real).logits
        fake_logits = critic.judge(fake).logits
        loss = self._loss.generator(real_logits, fake_logits)  # type: ignore[arg-type]
        total = loss
        for regularizer in active:
            view = View(critic, real, fake, real_logits, fake_logits,
                        players.streams["regularizer"], regularizer.state, labels, latents,
                        lambda z: self._generate(z, labels))  # fmt: skip
            term = regularizer.component.generator(view)
            total = total + regularizer.component.every * term
        norm = _descend(total, players.g_optimizer, self._g_parameters)
        return loss.detach(), norm

    def _view(
        self,
        real: torch.Tensor,
        fake: torch.Tensor,
        latents: torch.Tensor,
        labels: torch.Tensor | None,
        active: list[Stateful[Regularizer]],
    ) -> View:
        """Both batches judged; the images are leaves where an active penalty differentiates them."""
        wanted = frozenset().union(*(r.component.differentiates for r in active))
        critic = Critic(self._players.networks.discriminator, labels, self._arithmetic)
        real = real.detach().requires_grad_("real" in wanted)
        fake = fake.detach().requires_grad_("fake" in wanted)
        # A penalty on these logits must not be computed from a low-precision graph.
        real_logits = critic.judge(real, full_precision="real" in wanted).logits
        fake_logits = critic.judge(fake, full_precision="fake" in wanted).logits
        random = self._players.streams["regularizer"]
        return View(critic, real, fake, real_logits, fake_logits, random, {}, labels, latents)

    def _generate(self, latents: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        with self._arithmetic.autocast():
            images = call_with_labels(self._players.networks.generator, latents, labels)
        assert isinstance(images, torch.Tensor)
        return self._laid_out(images.float())

    def _laid_out(self, images: torch.Tensor) -> torch.Tensor:
        if self._memory_format is torch.contiguous_format:
            return images
        return images.contiguous(memory_format=self._memory_format)

    def _augmented(self, images: torch.Tensor) -> torch.Tensor:
        random = self._players.streams["augmentation"]
        for augmentation in self._augmentations:
            images = augmentation.component.apply(images, random, augmentation.state)
        return images

    def _labels(self, batch: Batch) -> torch.Tensor | None:
        """Fakes get the labels of the real batch, so that both have the data's class frequencies."""
        return batch.labels if self._conditional else None

    def _active(self, player: Player, number: int) -> list[Stateful[Regularizer]]:
        return [
            regularizer
            for regularizer in self._players.regularizers
            if player in regularizer.component.players and number % regularizer.component.every == 0
        ]


def _descend(
    loss: torch.Tensor, optimizer: torch.optim.Optimizer, parameters: list[torch.nn.Parameter]
) -> torch.Tensor:
    """One optimizer step on ``parameters`` alone; returns the gradients' global L2 norm.

    Naming the inputs of the backward pass saves the other player's weight gradients.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward(inputs=parameters)
    # What torch's get_total_norm does after sorting the gradients by device and type.
    norms = torch._foreach_norm([p.grad for p in parameters if p.grad is not None])
    norm: torch.Tensor = torch.linalg.vector_norm(torch.stack(norms))
    optimizer.step()
    return norm
