"""The trainer: builds a trial's networks and trains them from tick to tick."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from ganbench.components.architecture import TRANSLATION, Architecture, Networks
from ganbench.components.augmentation import Augmentation
from ganbench.components.data import ImageData
from ganbench.components.loss import Loss
from ganbench.components.progress import Progress
from ganbench.components.regularizer import Player, Regularizer
from ganbench.components.view import View
from ganbench.grid.cell import Cell
from ganbench.training.batches import (
    Batches,
    Order,
    ResidentBatches,
    StreamedBatches,
    TrainingData,
    Variation,
)
from ganbench.training.ema import AveragedGenerator
from ganbench.training.optimizers import Decay, make_optimizer, restore_optimizer
from ganbench.training.pool import ImagePool
from ganbench.training.precision import Arithmetic, configure_backends, memory_format
from ganbench.training.probe import network_problem
from ganbench.training.sampler import LatentSampler, Sampler, TranslationSampler
from ganbench.training.schedule import Schedule
from ganbench.training.series import StepSeries
from ganbench.training.step import Players, Stateful, TrainingStep
from ganbench.training.streams import (
    Streams,
    global_random_state,
    restore_global_random_state,
    seed_everything,
)
from ganbench.training.tasks import Task, make_task

Part = TypeVar("Part", Loss, Regularizer)


class Trainer:
    """One trial's training: everything that a checkpoint holds, and the loop that moves it on.

    :ivar steps: steps done.
    :ivar images: real images shown.
    :ivar train_seconds: time spent in steps, measured with the device synchronized.
    """

    def __init__(self, cell: Cell, seed: int, data: TrainingData, device: torch.device) -> None:
        self.cell, self.seed, self.data, self.device = cell, seed, data, device
        self.settings = cell.training.settings
        self.steps = self.images = 0
        self.train_seconds = 0.0
        self._step_seconds = 0.0
        self.images_per_step = self.settings.batch_size * self.settings.d_steps
        self.schedule = Schedule(cell.budget, cell.evaluation.ticks, self.images_per_step)
        self.series = StepSeries(device)
        configure_backends(self.settings.precision)
        self._arithmetic = Arithmetic(self.settings, device)
        self._memory_format = memory_format(self.settings, device)
        self._streams = Streams(seed, device)
        self._batches = self._make_batches()
        self.networks = self._build()
        self._task = self._make_task()
        self._players = self._make_players()
        self._decay = Decay((self._players.g_optimizer, self._players.d_optimizer), self.settings)
        self._step = TrainingStep(
            self._players,
            self._task,
            self._batches.next,
            self.series,
            self._arithmetic,
            self.settings,
        )
        self._growing = _overrides(self.architecture, Architecture)
        self._scheduled = [part for part, base in self._parts() if _overrides(part.component, base)]

    @property
    def architecture(self) -> Architecture:
        architecture: Architecture = self.cell.architecture.component
        return architecture

    @property
    def conditional(self) -> bool:
        return self.cell.task == "class-conditional"

    def problem(self) -> str | None:
        """Why the networks that were built cannot be trained in this cell, or None."""
        cell = self.cell
        needs = cell.needs
        return network_problem(self.architecture, self.networks, self.data.spec, needs, self.device)

    @property
    def progress(self) -> Progress:
        """The training's progress."""
        return Progress(self.images, self.schedule.share(self.steps, self.train_seconds))

    @property
    def period(self) -> int:
        """All lazy terms are due in steps whose number is a multiple of it."""
        return math.lcm(*(part.component.every for part in self._players.regularizers))

    def sampler(self, progress: Progress | None = None) -> Sampler:
        """Samples of the averaged generator.

        :param progress: of the weights; by default the current one.
        """
        parts = (
            self.architecture,
            self.data.spec,
            self._players.averaged.module,
            self.seed,
            self.device,
            self._arithmetic,
            progress or self.progress,
        )
        if self.architecture.task in TRANSLATION:
            assert self.data.held_out is not None
            assert self.data.held_out.sources is not None
            return TranslationSampler(*parts, self.data.held_out.sources)
        labels = self.data.labels if self.conditional else None
        return LatentSampler(*parts, None if labels is None else labels.to(self.device))

    def train_to(
        self, tick: int, should_stop: Callable[[], bool], progress: Callable[[], None]
    ) -> bool:
        """Train until the tick; False if training was stopped or diverged before it."""
        while not self.schedule.reached(tick, self.steps, self.train_seconds):
            if should_stop():
                return False
            steps, seconds = self.steps, self.train_seconds
            self._do_steps(self.schedule.stretch(tick, steps, seconds, self._step_seconds))
            if self.failed_step() is not None:
                return False
            progress()
        return True

    def time_steps(self, count: int) -> float:
        """Do some steps; seconds for one of them."""
        self._do_steps(count)
        return self._step_seconds

    def view(self, player: Player, wanted: frozenset[str] = frozenset()) -> View:
        """The next update as losses and regularizers would see it, see `TrainingStep.view`.

        It takes a batch and random numbers as a step does, but updates nothing.
        """
        progress = self.progress
        self._advance(progress)
        return self._step.view(player, progress, wanted)

    def failed_step(self) -> int | None:
        """The first step in which a loss or a gradient was not finite, or None."""
        return self.series.first_nonfinite()

    def weights_finite(self) -> bool:
        """Whether every weight of both networks and of the averaged generator is finite."""
        modules = self._modules().values()
        parameters = [p.detach() for module in modules for p in module.parameters()]
        return bool(torch.stack([p.isfinite().all() for p in parameters]).all())

    def averaged_weights(self) -> dict[str, torch.Tensor]:
        """A copy of the averaged generator's state."""
        return {k: v.clone() for k, v in self._players.averaged.module.state_dict().items()}

    def parameter_counts(self) -> tuple[int, int]:
        """Trainable parameters of generator and discriminator."""
        counts = [
            sum(p.numel() for p in network.parameters() if p.requires_grad)
            for network in self.networks
        ]
        return counts[0], counts[1]

    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of the training depends on."""
        players = self._players
        return {
            **{name: module.state_dict() for name, module in self._modules().items()},
            "g_optimizer": players.g_optimizer.state_dict(),
            "d_optimizer": players.d_optimizer.state_dict(),
            "loss": players.loss.state,
            "regularizers": [part.state for part in players.regularizers],
            "augmentations": [part.state for part in players.augmentations],
            "pools": [pool.state for pool in players.pools],
            "streams": self._streams.state_dict(),
            "globals": global_random_state(self.device),
            "position": self._batches.position,
            "steps": self.steps,
            "images": self.images,
            "train_seconds": self.train_seconds,
            "series": torch.from_numpy(self.series.table()),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken.

        The state may lie on any device: each owner copies it into its own tensors.
        """
        players = self._players
        for name, module in self._modules().items():
            module.load_state_dict(state[name])
        restore_optimizer(players.g_optimizer, state["g_optimizer"])
        restore_optimizer(players.d_optimizer, state["d_optimizer"])
        _restore_parts([players.loss.state], [state["loss"]])
        _restore_parts([p.state for p in players.regularizers], state["regularizers"])
        _restore_parts([p.state for p in players.augmentations], state["augmentations"])
        _restore_parts([pool.state for pool in players.pools], state["pools"])
        self._streams.load_state_dict({k: v.cpu() for k, v in state["streams"].items()})
        restore_global_random_state(_random_states_on_cpu(state["globals"]), self.device)
        self._batches.seek(state["position"])
        self.steps, self.images = state["steps"], state["images"]
        self.train_seconds = state["train_seconds"]
        for pool in players.pools:
            pool.resume(self.steps * self.images_per_step)
        self.series.restore(state["series"])

    def _do_steps(self, count: int) -> None:
        start = time.perf_counter()
        for _ in range(count):
            progress = self.progress
            self._advance(progress)
            self._step(self.steps, progress)
            self.steps += 1
            self.images += self.images_per_step
        self.series.flush()  # waits for the device, so the clock below is honest
        elapsed = time.perf_counter() - start
        self.train_seconds += elapsed
        self._step_seconds = elapsed / count

    def _advance(self, progress: Progress) -> None:
        """Set everything that follows the training's progress to its current value."""
        self._decay.apply(progress.share)
        for part in self._scheduled:
            part.component.advance(part.state, progress)
        if self._growing:
            for network in self._modules().values():
                self.architecture.advance(network, progress)

    def _modules(self) -> dict[str, torch.nn.Module]:
        generator, discriminator = self.networks
        averaged = self._players.averaged.module
        return {"generator": generator, "discriminator": discriminator, "averaged": averaged}

    def _parts(self) -> list[tuple[Stateful[Any], type[Any]]]:
        """Everything that keeps tensors between steps, with the class of its contract."""
        players = self._players
        return [
            (players.loss, Loss),
            *((part, Regularizer) for part in players.regularizers),
            *((part, Augmentation) for part in players.augmentations),
        ]

    def _build(self) -> Networks:
        seed_everything(self.seed, "weights", self.device)
        networks = Networks(*self.architecture.build(self.data.spec))
        # Layers' random numbers in training must not depend on how many weights were drawn.
        seed_everything(self.seed, "layers", self.device)
        for network in networks:
            network.to(self.device, memory_format=self._memory_format).train()  # type: ignore[call-overload]
        return networks

    def _make_batches(self) -> Batches:
        settings, streams = self.settings, self._streams
        variation = Variation(
            streams["flip"] if settings.flip else None, streams["crop"], settings.jitter
        )
        source, size = self.data.source, self.settings.batch_size
        order = Order(len(source), self.seed)
        if isinstance(source, ImageData):
            return ResidentBatches(source, order, size, variation)
        labeled = self.data.spec.classes > 0
        return StreamedBatches(
            source, order, size, self.device, variation, self.data.workers, labeled
        )

    def _make_players(self) -> Players:
        cell, settings, device = self.cell, self.settings, self.device
        loss = cell.loss.component
        regularizers = [bound.component for bound in cell.regularizers]
        regularizers += loss.penalties()
        augmentations = [bound.component for bound in cell.augmentations]
        generator, discriminator = self.networks
        return Players(
            networks=self.networks,
            loss=_with_state(loss, self.networks, device),
            averaged=AveragedGenerator(
                generator, settings.ema_images, settings.ema_rampup, settings.ema_start_images
            ),
            g_optimizer=make_optimizer("g", generator.parameters(), settings, device),
            d_optimizer=make_optimizer("d", discriminator.parameters(), settings, device),
            regularizers=[_with_state(part, self.networks, device) for part in regularizers],
            augmentations=[Stateful(a, a.initial_state(device)) for a in augmentations],
            streams=self._streams,
            pools=self._make_pools(),
        )

    def _make_pools(self) -> list[ImagePool]:
        size = self.architecture.fake_pool
        if not size:
            return []
        shapes = self._task.fake_shapes(self.data.spec)
        return [ImagePool(size, shape, self.device) for shape in shapes]

    def _make_task(self) -> Task:
        latents = self._streams["latents"]
        return make_task(
            self.architecture,
            self.networks.generator,
            self._arithmetic,
            self._memory_format,
            self.data.spec,
            lambda count: self.architecture.sample_latents(count, latents, self.device),
        )


def _with_state(part: Part, networks: Networks, device: torch.device) -> Stateful[Part]:
    return Stateful(part, part.initial_state(device) | part.network_state(networks))


def _overrides(component: Any, base: type[Any]) -> bool:
    """Whether a component follows the training's progress; to call the others would waste time."""
    return type(component).advance is not base.advance


def _restore_parts(
    states: list[dict[str, torch.Tensor]], saved: list[dict[str, torch.Tensor]]
) -> None:
    for state, tensors in zip(states, saved, strict=True):
        for name, tensor in tensors.items():
            state[name].copy_(tensor)


def _random_states_on_cpu(state: dict[str, Any]) -> dict[str, Any]:
    """Random states are read from the CPU, wherever a checkpoint was loaded to."""
    return {k: v.cpu() if isinstance(v, torch.Tensor) else v for k, v in state.items()}
