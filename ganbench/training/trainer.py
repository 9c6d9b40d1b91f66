"""The trainer: trains a trial's networks from tick to tick, and saves and restores everything."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch

from ganbench.components.architecture import TRANSLATION, Architecture
from ganbench.components.progress import Progress
from ganbench.components.regularizer import Player
from ganbench.components.view import View
from ganbench.grid.cell import Cell
from ganbench.training.assembly import Assembly, restore_states
from ganbench.training.batches import TrainingData
from ganbench.training.capture import Capture
from ganbench.training.executor import StepParts
from ganbench.training.executor_choice import make_executor, recorded_on
from ganbench.training.precision import configure_backends
from ganbench.training.probe import network_problem
from ganbench.training.rates import StepTimes
from ganbench.training.replicas import ALONE, Replicas
from ganbench.training.sampler import LatentSampler, Sampler, TranslationSampler
from ganbench.training.schedule import Schedule
from ganbench.training.series import StepSeries
from ganbench.training.step import TrainingStep
from ganbench.training.step_inputs import StepInputs
from ganbench.training.streams import global_random_state, restore_global_random_state


class Trainer:
    """One trial's training: everything that a checkpoint holds, and the loop that moves it on.

    :ivar steps: steps done.
    :ivar images: real images shown.
    :ivar train_seconds: time spent in steps, measured with the device synchronized.
    :ivar warmup_seconds: time spent in steps on trial, see `executor`; no part of the training's.
    :ivar compile_seconds: time that compiling took; no part of either.
    :ivar replicas: the processes that train the trial, of which this is one.
    :param capture: how to record steps, if not as CUDA graphs on a GPU.
    """

    def __init__(
        self,
        cell: Cell,
        seed: int,
        data: TrainingData,
        device: torch.device,
        capture: Capture | None = None,
        replicas: Replicas = ALONE,
    ) -> None:
        self.cell, self.seed, self.data, self.device = cell, seed, data, device
        self.replicas = replicas
        self.settings = cell.training.settings
        self._count_from_zero()
        self._warm = False
        self.images_per_step = self.settings.batch_size * self.settings.d_steps
        self.schedule = Schedule(cell.budget, cell.evaluation.ticks, self.images_per_step)
        self.series = StepSeries(device)
        configure_backends(self.settings.precision)
        recorded = recorded_on(device, capture)
        self._parts = Assembly(cell, seed, data, device, replicas, recorded)
        self.networks, self._batches = self._parts.networks, self._parts.batches
        self._players, self._calls = self._parts.players, self._parts.calls
        labels = data.labels if self.conditional else None
        self._known_labels = None if labels is None else labels.cpu()  # samplers draw on the CPU
        self.times = StepTimes(self.period)
        self._inputs = StepInputs(self._players, self.architecture, self._batches, cell.training)
        self._step = TrainingStep(
            self._players,
            self._parts.task,
            self._calls,
            self._batches.next,
            self._parts.arithmetic,
            self.settings,
            replicas,
        )
        self.executor = make_executor(
            cell,
            StepParts(
                self._players,
                self._calls,
                self._inputs,
                self._step,
                self.series,
                device,
                self.images_per_step,
            ),
            capture,
            replicas.count,
        )

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
    def executor_reason(self) -> str | None:
        """Why steps are eager, and what is not compiled; None if there is nothing to say."""
        return "; ".join(filter(None, (self.executor.reason, self._calls.note))) or None

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
            self._parts.arithmetic,
            progress or self.progress,
        )
        if self.architecture.task in TRANSLATION:
            assert self.data.held_out is not None
            assert self.data.held_out.sources is not None
            return TranslationSampler(*parts, self.data.held_out.sources)
        return LatentSampler(*parts, self._known_labels)

    def train_to(
        self, tick: int, should_stop: Callable[[], bool], progress: Callable[[], None]
    ) -> bool:
        """Train until the tick; False if training was stopped or diverged before it."""
        self.warm_up()
        while not self.schedule.reached(tick, self.steps, self.train_seconds):
            if should_stop():
                return False
            steps, seconds = self.steps, self.train_seconds
            stretch = self.schedule.stretch(tick, steps, seconds, self._step_seconds)
            self._do_steps(self.times.aligned(steps, stretch))
            if self.failed_step() is not None:
                return False
            progress()
        return True

    def warm_up(self) -> None:
        """Do a step on trial, once: the first one loads kernels, and is no measure of the others."""
        if not self._warm:
            with self._together(0):
                self.executor.warm_up(self.steps, self.progress)
            self._count_untimed()
            self._warm = True

    def time_steps(self, count: int) -> float:
        """Do some steps; seconds for one of them."""
        self._do_steps(count)
        return self._step_seconds

    def hand_out_steps(self, count: int) -> None:
        """Do some steps without waiting for the device; it may still work on them afterwards."""
        self._batches.load(count)
        with self._together(count):
            for _ in range(count):
                self.executor.run(self.steps, self.progress)
                self.steps += 1
                self.images += self.images_per_step

    def view(self, player: Player, wanted: frozenset[str] = frozenset()) -> View:
        """The next update as losses and regularizers would see it, see `TrainingStep.view`.

        It takes a batch and random numbers as a step does, but updates nothing.
        """
        progress = self.progress
        self._inputs.prepare(progress)
        return self._step.view(player, progress, wanted)

    def failed_step(self) -> int | None:
        """The first step in which a loss or a gradient was not finite, or None."""
        return self.series.first_nonfinite()

    def weights_finite(self) -> bool:
        """Whether every weight of both networks and of the averaged generator is finite."""
        modules = self._players.modules().values()
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
            **{name: module.state_dict() for name, module in players.modules().items()},
            "g_optimizer": players.g_optimizer.state_dict(),
            "d_optimizer": players.d_optimizer.state_dict(),
            "loss": players.loss.state,
            "regularizers": [part.state for part in players.regularizers],
            "augmentations": [part.state for part in players.augmentations],
            "pools": [pool.state for pool in players.pools],
            **self.random_state(),
            "position": self._batches.position,
            "steps": self.steps,
            "images": self.images,
            "train_seconds": self.train_seconds,
            "warmup_seconds": self.warmup_seconds,
            "compile_seconds": self.compile_seconds,
            "step_times": self.times.table(),
            "series": torch.from_numpy(self.series.table()),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken.

        The state may lie on any device: each owner copies it into its own tensors.
        """
        players = self._players
        for name, module in players.modules().items():
            module.load_state_dict(state[name])
        players.g_optimizer.restore(state["g_optimizer"])
        players.d_optimizer.restore(state["d_optimizer"])
        saved = [state["loss"], *state["regularizers"], *state["augmentations"]]
        restore_states(players.states(), saved)
        restore_states([pool.state for pool in players.pools], state["pools"])
        self.load_random_state(state)
        self._batches.seek(state["position"])
        self.steps, self.images = state["steps"], state["images"]
        self.train_seconds = state["train_seconds"]
        self.warmup_seconds = state["warmup_seconds"]
        self.compile_seconds = state["compile_seconds"]
        self.times.restore(state["step_times"])
        for pool in players.pools:
            pool.resume(self.steps * self.images_per_step)
        self.series.restore(state["series"])

    @property
    def recorded_mb(self) -> float:
        """MiB that recorded steps were found to take; memory that a replay uses is not counted again."""
        return self.executor.recorded_mb

    @property
    def lasting(self) -> bool:
        """Whether another seed of the cell saves time with this trainer: it has recorded or compiled."""
        return self.executor.lasting

    def restart(self, seed: int) -> None:
        """Begin the training of another seed in place: it goes on as that of a fresh trainer.

        Recorded steps and compiled networks go on, since all tensors stay where they are.

        :raises RuntimeError: if the other seed's networks do not fit in these.
        """
        configure_backends(self.settings.precision)
        self._parts.restart(seed)
        self.seed = seed
        self.series.clear()
        self.times.clear()
        self._count_from_zero()

    def _count_from_zero(self) -> None:
        self.steps = self.images = 0
        self.train_seconds = self.warmup_seconds = self.compile_seconds = 0.0
        self._step_seconds = 0.0

    def random_state(self) -> dict[str, Any]:
        """The part of the state that replicas do not have in common."""
        return {
            "streams": self._parts.streams.state_dict(),
            "globals": global_random_state(self.device),
        }

    def load_random_state(self, state: dict[str, Any]) -> None:
        """Restore what `random_state` gave."""
        self._parts.streams.load_state_dict({k: v.cpu() for k, v in state["streams"].items()})
        restore_global_random_state(_random_states_on_cpu(state["globals"]), self.device)

    def follow(self, count: int, train_seconds: float) -> None:
        """Do what replica 0 does, by its clock: so many steps, or none but a warm-up."""
        self.train_seconds = train_seconds
        if count:
            self._do_steps(count)
        else:
            self.warm_up()

    def _together(self, steps: int) -> AbstractContextManager[Any]:
        """The context of steps that all replicas do."""
        synchronized = self.architecture.synchronized_statistics
        return self.replicas.together(steps, self.train_seconds, synchronized)

    def _do_steps(self, count: int) -> None:
        start = time.perf_counter()
        self.hand_out_steps(count)
        self.series.flush()  # waits for the device, so the clock below is honest
        elapsed = time.perf_counter() - start - self._count_untimed()
        self.train_seconds += elapsed
        self.times.add(count, elapsed)
        self._step_seconds = elapsed / count

    def _count_untimed(self) -> float:
        """Count the executor's steps on trial since the last call; returns their seconds."""
        untimed, compiling = self.executor.untimed_since()
        self.warmup_seconds += untimed - compiling
        self.compile_seconds += compiling
        return untimed


def _random_states_on_cpu(state: dict[str, Any]) -> dict[str, Any]:
    """Random states are read from the CPU, wherever a checkpoint was loaded to."""
    return {k: v.cpu() if isinstance(v, torch.Tensor) else v for k, v in state.items()}
