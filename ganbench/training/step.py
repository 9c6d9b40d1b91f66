"""The training step: one generator update with the discriminator updates that go with it.

Nothing here makes the host wait for the device: no tensor's value is looked at, measurements stay
on the device, and what varies between steps varies by the step's number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

import torch

from ganbench.components.architecture import Critique, Networks
from ganbench.components.augmentation import Augmentation
from ganbench.components.loss import Loss
from ganbench.components.progress import Progress
from ganbench.components.regularizer import Player, Regularizer
from ganbench.components.view import View
from ganbench.grid.settings import TrainingSettings
from ganbench.training.batches import Batch
from ganbench.training.critic import Critic
from ganbench.training.ema import AveragedGenerator
from ganbench.training.pool import ImagePool
from ganbench.training.precision import Arithmetic
from ganbench.training.series import StepSeries, batch_auc
from ganbench.training.streams import Streams
from ganbench.training.tasks import Judgement, Scene, Task

T = TypeVar("T")
State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Stateful(Generic[T]):
    """A component with the tensors that it keeps between steps."""

    component: T
    state: State


class _Seen(NamedTuple):
    """A batch of images, what the critic saw of them, and its answer."""

    images: torch.Tensor
    seen: torch.Tensor
    critique: Critique


@dataclass
class Players:
    """Everything that a step updates.

    :ivar pools: for each judgement the pool of generated images; empty where there are none.
    """

    networks: Networks
    loss: Stateful[Loss]
    averaged: AveragedGenerator
    g_optimizer: torch.optim.Optimizer
    d_optimizer: torch.optim.Optimizer
    regularizers: list[Stateful[Regularizer]]
    augmentations: list[Stateful[Augmentation]]
    streams: Streams
    pools: list[ImagePool]


class TrainingStep:
    """The step of one trial; call it once for each step.

    :param settings: say who is updated first and which batches the players share.
    """

    def __init__(
        self,
        players: Players,
        task: Task,
        next_batch: Callable[[], Batch],
        series: StepSeries,
        arithmetic: Arithmetic,
        settings: TrainingSettings,
    ) -> None:
        self._players, self._task = players, task
        self._loss = players.loss.component
        self._next_batch, self._series = next_batch, series
        self._arithmetic, self._settings = arithmetic, settings
        self._augmentations = [a for a in players.augmentations if not a.component.identity]
        self._g_parameters = [p for p in players.networks.generator.parameters() if p.requires_grad]
        self._d_parameters = [
            p for p in players.networks.discriminator.parameters() if p.requires_grad
        ]

    def __call__(self, number: int, progress: Progress) -> None:
        """Do step ``number`` (from 0), before which the training stood at ``progress``."""
        settings = self._settings
        if settings.first_player == "generator":
            batch = self._batch(progress)
            scene = self._shared_scene(batch)
            g_measures = self._update_generator(batch, scene, number, progress)
            d_measures = self._update_discriminator(batch, scene, number, progress)
            for _ in range(settings.d_steps - 1):
                d_measures = self._update_discriminator(
                    self._batch(progress), None, number, progress
                )
        else:
            for _ in range(settings.d_steps - 1):
                self._update_discriminator(self._batch(progress), None, number, progress)
            batch = self._batch(progress)
            scene = self._shared_scene(batch)
            d_measures = self._update_discriminator(batch, scene, number, progress)
            g_measures = self._update_generator(batch, scene, number, progress)
        shown = settings.d_steps * settings.batch_size
        self._players.averaged.update(progress.images + shown, shown)
        d_loss, d_auc, d_norm = d_measures
        g_loss, g_norm = g_measures
        self._series.append([d_loss, g_loss, d_auc, d_norm, g_norm])

    def view(self, player: Player, progress: Progress, wanted: frozenset[str]) -> View:
        """The first view of an update of ``player`` that is not made.

        :param wanted: ``"real"``, ``"fake"``: the inputs that are leaves in the discriminator's view.
        """
        batch = self._batch(progress)
        with torch.set_grad_enabled(player == "generator"):
            scene = self._task.scene(batch)
        judgement = scene.judgements[0]
        if player == "generator":
            return self._shown(judgement, scene, progress)
        return self._judged(0, judgement, scene, wanted, progress)

    def _batch(self, progress: Progress) -> Batch:
        return self._task.prepared(self._next_batch(), progress)

    def _shared_scene(self, batch: Batch) -> Scene | None:
        """The generated batch of both players, part of the generator's graph; None if not shared."""
        return self._task.scene(batch) if self._settings.fakes == "shared" else None

    def _update_discriminator(
        self, batch: Batch, shared: Scene | None, number: int, progress: Progress
    ) -> tuple[torch.Tensor, ...]:
        active = self._active("discriminator", number)
        wanted = frozenset().union(*(part.component.differentiates for part in active))
        with torch.no_grad():
            scene = shared or self._task.scene(batch)
        terms, losses, aucs, views = [], [], [], []
        for index, judgement in enumerate(scene.judgements):
            view = self._judged(index, judgement, scene, wanted, progress)
            assert view.real_logits is not None
            losses.append(self._loss.discriminator_loss(view))
            terms += [_term(part, view, "discriminator") for part in active if _due(part, index)]
            aucs.append(batch_auc(view.real_logits, view.fake_logits))
            views.append(view)
        loss = _sum(losses)
        players = self._players
        norm = _descend(_sum([loss, *terms]), players.d_optimizer, self._d_parameters)
        with torch.no_grad():
            self._loss.project(players.networks.discriminator)
            for view in views:
                assert view.real_logits is not None
                for augmentation in self._augmentations:
                    augmentation.component.observe(view.real_logits, augmentation.state)
        return loss.detach(), _sum(aucs) / len(aucs), norm

    def _update_generator(
        self, batch: Batch, shared: Scene | None, number: int, progress: Progress
    ) -> tuple[torch.Tensor, ...]:
        active = self._active("generator", number)
        if self._settings.reals == "fresh":
            batch = self._batch(progress)
        scene = shared or self._task.scene(batch)
        terms, losses = [], []
        for index, judgement in enumerate(scene.judgements):
            view = self._shown(judgement, scene, progress)
            losses.append(self._loss.generator_loss(view))
            terms += [_term(part, view, "generator") for part in active if _due(part, index)]
        if scene.own_terms is not None:
            with self._arithmetic.autocast():
                terms.append(scene.own_terms())
        loss = _sum(losses)
        norm = _descend(_sum([loss, *terms]), self._players.g_optimizer, self._g_parameters)
        return loss.detach(), norm

    def _judged(
        self,
        index: int,
        judgement: Judgement,
        scene: Scene,
        wanted: frozenset[str],
        progress: Progress,
    ) -> View:
        """Both batches judged.

        The images that are ``wanted``, since an active penalty differentiates them, are leaves before
        they are augmented, as in the programs of Karras et al. 2020, arXiv:2006.06676: a penalty at
        the augmented ones would be weaker than published, the more so the more is augmented.
        """
        with torch.no_grad():
            pooled = self._pooled(index, judgement.fake.detach())
        fake = pooled.detach().requires_grad_("fake" in wanted)
        real = judgement.real.detach().requires_grad_("real" in wanted)
        seen_fake, seen_real = self._augmented(fake), self._augmented(real)
        critic = self._critic(judgement)
        # A penalty on these logits must not be computed from a low-precision graph.
        return self._view(
            critic,
            scene,
            progress,
            _Seen(real, seen_real, critic.judge(seen_real, full_precision="real" in wanted)),
            _Seen(fake, seen_fake, critic.judge(seen_fake, full_precision="fake" in wanted)),
        )

    def _shown(self, judgement: Judgement, scene: Scene, progress: Progress) -> View:
        """The generated batch judged, part of the generator's graph."""
        critic = self._critic(judgement)
        seen_fake = self._augmented(judgement.fake)
        real = None
        if self._loss.generator_uses_real:
            with torch.no_grad():
                seen_real = self._augmented(judgement.real)
                real = _Seen(judgement.real, seen_real, critic.judge(seen_real))
        fake = _Seen(judgement.fake, seen_fake, critic.judge(seen_fake))
        return self._view(critic, scene, progress, real, fake)

    def _view(
        self, critic: Critic, scene: Scene, progress: Progress, real: _Seen | None, fake: _Seen
    ) -> View:
        return View(
            critic=critic,
            real=real and real.images,
            fake=fake.images,
            real_logits=real and real.critique.logits,
            fake_logits=fake.critique.logits,
            random=self._players.streams["regularizer"],
            state=self._players.loss.state,
            labels=scene.labels,
            latents=scene.latents,
            generate=scene.generate,
            with_styles=scene.with_styles,
            real_critique=real and real.critique,
            fake_critique=fake.critique,
            augmented_real=real and real.seen,
            augmented_fake=fake.seen,
            networks=self._players.networks,
            progress=progress,
        )

    def _critic(self, judgement: Judgement) -> Critic:
        condition = judgement.condition
        discriminator = self._players.networks.discriminator
        return Critic(discriminator, self._arithmetic, condition.args, condition.kwargs)

    def _pooled(self, index: int, fake: torch.Tensor) -> torch.Tensor:
        if not self._players.pools:
            return fake
        return self._players.pools[index].exchange(fake, self._players.streams["pool"])

    def _augmented(self, images: torch.Tensor) -> torch.Tensor:
        random = self._players.streams["augmentation"]
        for augmentation in self._augmentations:
            images = augmentation.component.apply(images, random, augmentation.state)
        return images

    def _active(self, player: Player, number: int) -> list[Stateful[Regularizer]]:
        return [
            regularizer
            for regularizer in self._players.regularizers
            if player in regularizer.component.players and number % regularizer.component.every == 0
        ]


def _due(part: Stateful[Regularizer], index: int) -> bool:
    """A term on the weights is due once, however many judgements there are."""
    return index == 0 or part.component.per_view


def _term(part: Stateful[Regularizer], view: View, player: Player) -> torch.Tensor:
    view = replace(view, state=part.state)
    component = part.component
    term = component.discriminator if player == "discriminator" else component.generator
    return component.every * term(view)


def _sum(terms: list[torch.Tensor]) -> torch.Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


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
