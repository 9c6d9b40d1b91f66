"""The training step: one generator update with the discriminator updates that go with it.

The CPU never waits for the device here: the step reads no tensor's value, and measurements stay on the
device. What the host decides for each step is done before it (`step_inputs`), so that the operations of
a step depend on its `Variant` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import NamedTuple

import torch

from ganbench.components.architecture import Architecture
from ganbench.components.base import overrides
from ganbench.components.progress import FINISHED, Progress
from ganbench.components.regularizer import Player, Regularizer
from ganbench.components.view import View
from ganbench.grid.settings import TrainingSettings
from ganbench.training.batches import Batch
from ganbench.training.compiled import Calls
from ganbench.training.contract import augmented, check_gradient, no_weight_moves, scalar
from ganbench.training.critic import Critic
from ganbench.training.optimizers import PlayerOptimizer
from ganbench.training.players import Players, Stateful
from ganbench.training.precision import Arithmetic
from ganbench.training.replicas import ALONE, Replicas
from ganbench.training.series import batch_auc
from ganbench.training.tasks import RealFakePair, Task, TaskBatch
from ganbench.training.undeclared import asked


class Variant(NamedTuple):
    """What the operations of a step depend on; steps of one variant can share a recording.

    :ivar terms: the numbers of the regularizers that are due.
    :ivar stage: the architecture's own part, see `Architecture.variant`.
    :ivar steady: False while the pools of generated images fill, when each step is different.
    """

    terms: tuple[int, ...]
    stage: Hashable
    steady: bool


class TrainingStep:
    """The step of one trial; call it once for each step.

    :param calls: the networks, where nothing is differentiated twice.
    :param settings: decide who is updated first, and which batches the players share.
    :param replicas: the processes that do the step together.
    """

    def __init__(
        self,
        players: Players,
        task: Task,
        calls: Calls,
        next_batch: Callable[[], Batch],
        arithmetic: Arithmetic,
        settings: TrainingSettings,
        replicas: Replicas = ALONE,
    ) -> None:
        self._players, self._task, self._calls = players, task, calls
        self._replicas = replicas
        self._loss = players.loss.component
        self._next_batch = next_batch
        self._told = FINISHED
        self._arithmetic, self._settings = arithmetic, settings
        self._augmentations = [a for a in players.augmentations if not a.component.identity]
        self._g_parameters = [p for p in players.networks.generator.parameters() if p.requires_grad]
        self._d_parameters = [
            p for p in players.networks.discriminator.parameters() if p.requires_grad
        ]

    def variant(self, number: int, progress: Progress) -> Variant:
        """The variant of step ``number``."""
        players = self._players
        return Variant(
            tuple(i for i, part in enumerate(players.regularizers) if _acts(part, number)),
            self.stage(progress),
            all(pool.full for pool in players.pools),
        )

    def stage(self, progress: Progress) -> Hashable:
        """The architecture's part of a variant."""
        return self._task.stage(progress)

    @property
    def architecture(self) -> Architecture:
        """The design whose networks are trained."""
        return self._task.architecture

    @property
    def staged(self) -> bool:
        """Whether the architecture says what its operations depend on."""
        return overrides(self._task.architecture, Architecture, "variant")

    def __call__(
        self, number: int, progress: Progress, told: Progress | None = None
    ) -> list[torch.Tensor]:
        """Do step ``number`` (from 0); ``progress`` is the training's progress before it.

        :param told: what losses and regularizers are told of it, if not the same.
        :returns: what was measured: scalars in the order of `series.MEASURES`.
        """
        self._told = progress if told is None else told
        settings = self._settings
        generator_first = settings.first_player == "generator"
        if not generator_first:
            self._further_updates(number, progress)
        batch = self._batch(progress)
        parts = (batch, self._shared_batch(batch), number, progress)
        if generator_first:
            g_measures = self._update_generator(*parts)
            d_measures = self._update_discriminator(*parts)
            d_measures = self._further_updates(number, progress) or d_measures
        else:
            d_measures = self._update_discriminator(*parts)
            g_measures = self._update_generator(*parts)
        d_loss, d_auc, d_norm = d_measures
        g_loss, g_norm = g_measures
        if self._replicas.count > 1:
            self._replicas.agree([d_loss, g_loss, *self._players.kept()])
        self._players.averaged.update()
        return [d_loss, g_loss, d_auc, d_norm, g_norm]

    def view(self, player: Player, progress: Progress, wanted: frozenset[str]) -> View:
        """The first view of an update of ``player``, without the update.

        :param wanted: ``"real"``, ``"fake"``: the inputs that are leaves in the discriminator's view.
        """
        self._told = progress
        batch = self._batch(progress)
        with torch.set_grad_enabled(player == "generator"):
            made = self._task.make(batch)
        if player == "generator":
            return self._generator_view(0, made)
        return self._discriminator_view(0, made, wanted)

    def _further_updates(self, number: int, progress: Progress) -> tuple[torch.Tensor, ...]:
        """The discriminator's updates beside the one that shares its batch with the generator."""
        measures: tuple[torch.Tensor, ...] = ()
        for _ in range(self._settings.d_steps - 1):
            measures = self._update_discriminator(self._batch(progress), None, number, progress)
        return measures

    def _batch(self, progress: Progress) -> Batch:
        return self._task.prepared(self._next_batch(), progress)

    def _shared_batch(self, batch: Batch) -> TaskBatch | None:
        """The generated batch of both players, part of the generator's graph; None if not shared."""
        return self._task.make(batch) if self._settings.fakes == "shared" else None

    def _update_discriminator(
        self, batch: Batch, shared: TaskBatch | None, number: int, progress: Progress
    ) -> tuple[torch.Tensor, ...]:
        active = self._active("discriminator", number)
        wanted = frozenset().union(*(part.component.differentiates for part in active))
        with torch.no_grad():
            made = shared or self._task.make(batch)
        terms, losses, aucs, reals = [], [], [], []
        for index in range(len(made.pairs)):
            view = self._discriminator_view(index, made, wanted)
            assert view.real_logits is not None
            losses.append(asked(self._loss, "discriminator", "discriminator_loss", view))
            terms += [_term(part, view, "discriminator") for part in active if _due(part, index)]
            real, fake = map(self._replicas.gather, (view.real_logits, view.fake_logits))
            aucs.append(batch_auc(real, fake))
            reals.append(real)
        loss = _sum(losses)
        players = self._players
        total = _sum([loss, *terms])
        norm = self._descend("discriminator", total, players.d_optimizer, self._d_parameters)
        with torch.no_grad():
            self._loss.project(players.networks.discriminator)
            for real in reals:
                for augmentation in self._augmentations:
                    augmentation.component.observe(real, augmentation.state)
        return loss.detach(), _sum(aucs) / len(aucs), norm

    def _update_generator(
        self, batch: Batch, shared: TaskBatch | None, number: int, progress: Progress
    ) -> tuple[torch.Tensor, ...]:
        active = self._active("generator", number)
        if self._settings.reals == "fresh":
            batch = self._batch(progress)
        made = shared or self._task.make(batch)
        terms, losses = [], []
        for index in range(len(made.pairs)):
            view = self._generator_view(index, made)
            losses.append(asked(self._loss, "generator", "generator_loss", view))
            terms += [_term(part, view, "generator") for part in active if _due(part, index)]
        if made.own_terms is not None:
            with self._arithmetic.autocast():
                terms.append(scalar(self.architecture, "generator_terms", made.own_terms()))
        loss = _sum(losses)
        total = _sum([loss, *terms])
        optimizer = self._players.g_optimizer
        norm = self._descend("generator", total, optimizer, self._g_parameters)
        return loss.detach(), norm

    def _descend(
        self,
        player: Player,
        loss: torch.Tensor,
        optimizer: PlayerOptimizer,
        parameters: list[torch.nn.Parameter],
    ) -> torch.Tensor:
        """One optimizer step on ``parameters`` alone; returns the gradients' global L2 norm.

        Naming the inputs of the backward pass saves the other player's weight gradients.
        """
        optimizer.zero_grad()
        check_gradient(self._loss, player, loss)
        loss.backward(inputs=parameters)
        self._replicas.average_gradients(parameters)
        gradients = [p.grad for p in parameters if p.grad is not None]
        if not gradients:
            raise no_weight_moves(self._loss, player)
        # As torch's get_total_norm does after it sorts the gradients by device and type.
        norms = torch._foreach_norm(gradients)
        norm: torch.Tensor = torch.linalg.vector_norm(torch.stack(norms))
        optimizer.step()
        return norm

    def _discriminator_view(self, index: int, made: TaskBatch, wanted: frozenset[str]) -> View:
        """Both batches of a pair judged.

        The ``wanted`` images, which an active penalty differentiates, are leaves before the
        augmentation, as in the programs of Karras et al. 2020, arXiv:2006.06676: a penalty at the
        augmented images would be weaker than published.
        """
        pair = made.pairs[index]
        with torch.no_grad():
            pooled = self._pooled(index, pair.fake.detach())
        fake = pooled.detach().requires_grad_("fake" in wanted)
        real = pair.real.detach().requires_grad_("real" in wanted)
        return self._view(pair, made, real, fake, wanted)

    def _generator_view(self, index: int, made: TaskBatch) -> View:
        """The generated batch of a pair judged, part of the generator's graph."""
        pair = made.pairs[index]
        real = pair.real if self._loss.generator_uses_real else None
        return self._view(pair, made, real, pair.fake, real_in_graph=False)

    def _view(
        self,
        pair: RealFakePair,
        made: TaskBatch,
        real: torch.Tensor | None,
        fake: torch.Tensor,
        wanted: frozenset[str] = frozenset(),
        real_in_graph: bool = True,
    ) -> View:
        """Images augmented and judged. A penalty on ``wanted`` images needs logits in full precision."""
        discriminator = self._players.networks.discriminator
        calls, condition = self._calls, (pair.args, pair.kwargs)
        critic = Critic(
            discriminator, calls.discriminator, self._arithmetic, *condition, calls.judged_plainly
        )
        seen_fake, seen_real, real_critique = self._augmented(fake), None, None
        if real is not None:
            with torch.set_grad_enabled(real_in_graph):
                seen_real = self._augmented(real)
                real_critique = critic.judge(seen_real, full_precision="real" in wanted)
        fake_critique = critic.judge(seen_fake, full_precision="fake" in wanted)
        return View(
            critic=critic,
            real=real,
            fake=fake,
            real_logits=None if real_critique is None else real_critique.logits,
            fake_logits=fake_critique.logits,
            random=self._players.streams["regularizer"],
            state=self._players.loss.state,
            labels=made.labels,
            latents=made.latents,
            generate=made.generate,
            with_styles=made.with_styles,
            real_critique=real_critique,
            fake_critique=fake_critique,
            augmented_real=seen_real,
            augmented_fake=seen_fake,
            networks=self._players.networks,
            progress=self._told,
        )

    def _pooled(self, index: int, fake: torch.Tensor) -> torch.Tensor:
        if not self._players.pools:
            return fake
        pool, random = self._players.pools[index], self._players.streams["pool"]
        return self._replicas.share(pool.exchange(self._replicas.gather(fake), random))

    def _augmented(self, images: torch.Tensor) -> torch.Tensor:
        random = self._players.streams["augmentation"]
        for augmentation in self._augmentations:
            component = augmentation.component
            images = augmented(
                component, images, component.apply(images, random, augmentation.state)
            )
        return images

    def _active(self, player: Player, number: int) -> list[Stateful[Regularizer]]:
        return [
            regularizer
            for regularizer in self._players.regularizers
            if player in regularizer.component.players and _acts(regularizer, number)
        ]


def _acts(part: Stateful[Regularizer], number: int) -> bool:
    return number % part.component.every == 0


def _due(part: Stateful[Regularizer], index: int) -> bool:
    """A term on the weights is due once for all pairs."""
    return index == 0 or part.component.per_view


def _term(part: Stateful[Regularizer], view: View, player: Player) -> torch.Tensor:
    view = replace(view, state=part.state)
    return part.component.every * asked(part.component, player, player, view)


def _sum(terms: list[torch.Tensor]) -> torch.Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
