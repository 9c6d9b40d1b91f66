"""The trainer: builds a trial's networks and trains them from tick to tick."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
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
    HostBatches,
    Order,
    ResidentBatches,
    StreamedBatches,
    TrainingData,
    Variation,
)
from ganbench.training.capture import Capture
from ganbench.training.compiled import Calls
from ganbench.training.ema import AveragedGenerator
from ganbench.training.executor import StepParts
from ganbench.training.executor_choice import make_executor, recorded_on
from ganbench.training.host_state import constants
from ganbench.training.initial_weights import freeze, load_averaged, load_initial
from ganbench.training.optimizers import PlayerOptimizer, make_optimizer
from ganbench.training.pool import ImagePool
from ganbench.training.precision import Arithmetic, configure_backends, memory_format
from ganbench.training.probe import network_problem
from ganbench.training.rates import StepTimes
from ganbench.training.replicas import ALONE, Replicas
from ganbench.training.sampler import LatentSampler, Sampler, TranslationSampler
from ganbench.training.schedule import Schedule
from ganbench.training.series import StepSeries
from ganbench.training.step import Players, Stateful, TrainingStep
from ganbench.training.step_inputs import StepInputs
from ganbench.training.streams import (
    Streams,
    global_random_state,
    of_replica,
    restore_global_random_state,
    seed_everything,
)
from ganbench.training.tasks import Task, make_task

Part = TypeVar("Part", Loss, Regularizer, Augmentation)


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
        self._recorded = recorded_on(device, capture)
        self.images_per_step = self.settings.batch_size * self.settings.d_steps
        self.schedule = Schedule(cell.budget, cell.evaluation.ticks, self.images_per_step)
        self.series = StepSeries(device)
        configure_backends(self.settings.precision)
        self._arithmetic = Arithmetic(self.settings, device)
        self._memory_format = memory_format(self.settings, device)
        labels = data.labels if self.conditional else None
        self._known_labels = None if labels is None else labels.cpu()  # samplers draw on the CPU
        self._streams = Streams(seed, device, replicas.rank)
        self._batches = self._make_batches()
        self.networks = self._build()
        self._calls = self._make_calls()
        self._task = self._make_task()
        self._players = self._make_players()
        load_averaged(self._initial, self._players.averaged.module, self.networks.generator)
        self.times = StepTimes(self.period)
        self._inputs = StepInputs(self._players, self.architecture, self._batches, cell.training)
        self._step = TrainingStep(
            self._players,
            self._task,
            self._calls,
            self._batches.next,
            self._arithmetic,
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
            self._arithmetic,
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
        _restore_parts(players.states(), saved)
        _restore_parts([pool.state for pool in players.pools], state["pools"])
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
        self.seed, players = seed, self._players
        built = self._initialized()
        if constants(built) != self._constants:
            raise RuntimeError("they keep values of the seed outside of parameters and buffers")
        for network, fresh in zip(self.networks, built, strict=True):
            copy_module(network.train(), fresh)
        players.averaged.copy()
        load_averaged(self._initial, players.averaged.module, self.networks.generator)
        for optimizer in (players.g_optimizer, players.d_optimizer):
            optimizer.begin_again()
        self._restart_states()
        self._streams.reseed(seed)
        self._batches.restart(seed)
        self.series.clear()
        self.times.clear()
        self._count_from_zero()

    def _count_from_zero(self) -> None:
        self.steps = self.images = 0
        self.train_seconds = self.warmup_seconds = self.compile_seconds = 0.0
        self._step_seconds = 0.0

    def _restart_states(self) -> None:
        """Bring what components keep, and the pools, back to the start."""
        players = self._players
        fresh = [_state(p.component, self.networks, self.device) for p in players.parts()]
        _restore_parts(players.states(), fresh)
        for pool in players.pools:
            pool.state["images"].zero_()
            pool.resume(0)

    def random_state(self) -> dict[str, Any]:
        """The part of the state that replicas do not have in common."""
        return {
            "streams": self._streams.state_dict(),
            "globals": global_random_state(self.device),
        }

    def load_random_state(self, state: dict[str, Any]) -> None:
        """Restore what `random_state` gave."""
        self._streams.load_state_dict({k: v.cpu() for k, v in state["streams"].items()})
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

    def _initialized(self) -> Networks:
        """Networks with the seed's first weights, and the random state that layers start from."""
        seed_everything(self.seed, "weights", self.device)
        networks = Networks(*self.architecture.build(self.data.spec))
        # Layers' random numbers in training must not depend on how many weights were drawn.
        seed_everything(self.seed, of_replica("layers", self.replicas.rank), self.device)
        self._initial = load_initial(self.settings, networks, self.cell.architecture.spec)
        return networks

    def _make_calls(self) -> Calls:
        compiled = self.settings.compile and self.replicas.count == 1
        calls = Calls(self.networks, compiled, self._penalties())
        if self.settings.compile and not compiled:
            calls.note = "replicas train without torch.compile"
        return calls

    def _build(self) -> Networks:
        networks = self._initialized()
        self._constants = constants(networks)
        for network in networks:
            network.to(self.device, memory_format=self._memory_format).train()  # type: ignore[call-overload]
            self.replicas.start_alike([*network.parameters(), *network.buffers()])
        freeze(self.settings, networks)
        return networks

    def _make_batches(self) -> Batches:
        settings, streams = self.settings, self._streams
        variation = Variation(
            streams["flip"] if settings.flip else None,
            streams["crop"],
            settings.jitter,
            self.replicas,
        )
        source, size, device = self.data.source, settings.batch_size, self.device
        order = Order(len(source), self.seed)
        each = settings.d_steps + (settings.reals == "fresh")
        if not isinstance(source, ImageData):
            labeled, workers = self.data.spec.classes > 0, self.data.workers
            return StreamedBatches(source, order, size, device, variation, workers, labeled, each)
        if source.images.device.type == device.type:
            return ResidentBatches(source, order, size, variation, each)
        return HostBatches(source, order, size, variation, each, device)

    def _make_players(self) -> Players:
        cell, settings, device = self.cell, self.settings, self.device
        generator, discriminator = self.networks
        return Players(
            networks=self.networks,
            loss=self._with_state(cell.loss.component),
            averaged=AveragedGenerator(
                generator,
                settings.ema_images,
                settings.ema_rampup,
                settings.ema_start_images,
                device if self._recorded else None,
            ),
            g_optimizer=self._make_optimizer("g", generator),
            d_optimizer=self._make_optimizer("d", discriminator),
            regularizers=[self._with_state(part) for part in self._penalties()],
            augmentations=[self._with_state(bound.component) for bound in cell.augmentations],
            streams=self._streams,
            pools=self._make_pools(),
        )

    def _with_state(self, part: Part) -> Stateful[Part]:
        return Stateful(part, _state(part, self.networks, self.device))

    def _penalties(self) -> list[Regularizer]:
        """The cell's regularizers and those of its loss."""
        chosen = [bound.component for bound in self.cell.regularizers]
        return [*chosen, *self.cell.loss.component.penalties()]

    def _make_optimizer(self, player: str, network: torch.nn.Module) -> PlayerOptimizer:
        frozen = bool(self.settings.freeze)
        parameters = [p for p in network.parameters() if p.requires_grad or not frozen]
        return make_optimizer(player, parameters, self.cell.training, self.device, self._recorded)

    def _make_pools(self) -> list[ImagePool]:
        size = self.architecture.fake_pool
        if not size:
            return []
        shapes = self._task.fake_shapes()
        return [ImagePool(size, shape, self.device) for shape in shapes]

    def _make_task(self) -> Task:
        stream, replicas = self._streams["latents"], self.replicas

        def latents(count: int) -> torch.Tensor:
            """This replica's part of the latents of a whole batch."""
            whole = count * replicas.count
            return replicas.share(self.architecture.sample_latents(whole, stream, self.device))

        return make_task(
            self.architecture,
            self.data.spec,
            self.networks,
            self._calls,
            self._arithmetic,
            self._memory_format,
            latents,
        )


def _state(part: Any, networks: Networks, device: torch.device) -> dict[str, torch.Tensor]:
    """What a component keeps at the start."""
    state: dict[str, torch.Tensor] = part.initial_state(device)
    return state if isinstance(part, Augmentation) else state | part.network_state(networks)


def copy_module(target: torch.nn.Module, source: torch.nn.Module) -> None:
    """Copy every parameter and buffer in place.

    :raises RuntimeError: if the two modules do not have the same.
    """
    pairs = zip(_tensors(target).items(), _tensors(source).items(), strict=True)
    with torch.no_grad():
        for (name, tensor), (other, value) in pairs:
            if name != other or tensor.shape != value.shape:
                raise RuntimeError(
                    f"{other} {tuple(value.shape)} is not {name} {tuple(tensor.shape)}"
                )
            tensor.copy_(value)


def _tensors(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _restore_parts(
    states: list[dict[str, torch.Tensor]], saved: list[dict[str, torch.Tensor]]
) -> None:
    for state, tensors in zip(states, saved, strict=True):
        for name, tensor in tensors.items():
            state[name].copy_(tensor)


def _random_states_on_cpu(state: dict[str, Any]) -> dict[str, Any]:
    """Random states are read from the CPU, wherever a checkpoint was loaded to."""
    return {k: v.cpu() if isinstance(v, torch.Tensor) else v for k, v in state.items()}
