"""What a trainer is made of, built from a trial's cell and seed."""

from __future__ import annotations

from typing import Any, TypeVar

import torch

from ganbench.components.architecture import Architecture, Networks
from ganbench.components.augmentation import Augmentation
from ganbench.components.data import ImageData
from ganbench.components.loss import Loss
from ganbench.components.regularizer import Regularizer
from ganbench.grid.cell import Cell
from ganbench.training.batches import (
    Batches,
    HostBatches,
    ResidentBatches,
    StreamedBatches,
    TrainingData,
)
from ganbench.training.compiled import Calls
from ganbench.training.contract import built, kept_tensors
from ganbench.training.ema import AveragedGenerator
from ganbench.training.host_state import constants
from ganbench.training.initial_weights import Weights, freeze, load_averaged, load_initial
from ganbench.training.optimizers import PlayerOptimizer, make_optimizer
from ganbench.training.order import Order
from ganbench.training.players import Players, Stateful
from ganbench.training.pool import ImagePool
from ganbench.training.precision import Arithmetic, memory_format
from ganbench.training.replicas import Replicas
from ganbench.training.streams import Streams, of_replica, seed_everything
from ganbench.training.tasks import Task, make_task
from ganbench.training.variation import Variation

Part = TypeVar("Part", Loss, Regularizer, Augmentation)


class Assembly:
    """The networks of a trial and everything that its steps use.

    :param recorded: whether steps are recorded, so that what they read must stay in place.
    """

    def __init__(
        self,
        cell: Cell,
        seed: int,
        data: TrainingData,
        device: torch.device,
        replicas: Replicas,
        recorded: bool,
    ) -> None:
        self._cell, self._data, self._device = cell, data, device
        self._replicas, self._recorded = replicas, recorded
        self._settings = cell.training.settings
        self._architecture: Architecture = cell.architecture.component
        self._memory_format = memory_format(self._settings, device)
        self.arithmetic = Arithmetic(self._settings, device)
        self.streams = Streams(seed, device, replicas.rank)
        self.batches = self._make_batches(seed)
        self.networks, initial = self._build(seed)
        self.calls = self._make_calls()
        self.task = self._make_task()
        self.players = self._make_players()
        load_averaged(initial, self.players.averaged.module, self.networks.generator)

    def restart(self, seed: int) -> None:
        """Bring everything back to the start, for another seed, in place.

        :raises RuntimeError: if the other seed's networks do not fit in these.
        """
        players = self.players
        built, initial = self._initialized(seed)
        if constants(built) != self._constants:
            raise RuntimeError("they keep values of the seed outside of parameters and buffers")
        for network, fresh in zip(self.networks, built, strict=True):
            copy_module(network.train(), fresh)
        players.averaged.copy()
        load_averaged(initial, players.averaged.module, self.networks.generator)
        for optimizer in (players.g_optimizer, players.d_optimizer):
            optimizer.begin_again()
        states = [_state(p.component, self.networks, self._device) for p in players.parts()]
        restore_states(players.states(), states)
        for pool in players.pools:
            pool.state["images"].zero_()
            pool.resume(0)
        self.streams.reseed(seed)
        self.batches.restart(seed)

    def _initialized(self, seed: int) -> tuple[Networks, Weights]:
        """Networks with the seed's first weights, and the file that some come from.

        The global random state is then the one that layers start from.
        """
        seed_everything(seed, "weights", self._device)
        networks = built(self._architecture, self._data.spec)
        # Layers' random numbers in training must not depend on how many weights were drawn.
        seed_everything(seed, of_replica("layers", self._replicas.rank), self._device)
        initial = load_initial(self._settings, networks, self._cell.architecture.spec)
        return networks, initial

    def _make_calls(self) -> Calls:
        compiled = self._settings.compile and self._replicas.count == 1
        refused = self._settings.compile and not compiled
        note = "replicas train without torch.compile" if refused else None
        return Calls(self.networks, compiled, self._penalties(), note)

    def _build(self, seed: int) -> tuple[Networks, Weights]:
        networks, initial = self._initialized(seed)
        self._constants = constants(networks)
        for network in networks:
            network.to(self._device, memory_format=self._memory_format).train()  # type: ignore[call-overload]
            self._replicas.start_alike([*network.parameters(), *network.buffers()])
        freeze(self._settings, networks)
        return networks, initial

    def _make_batches(self, seed: int) -> Batches:
        settings, streams = self._settings, self.streams
        variation = Variation(
            streams["flip"] if settings.flip else None,
            streams["crop"],
            settings.jitter,
            self._replicas,
        )
        source, size, device = self._data.source, settings.batch_size, self._device
        order = Order(len(source), seed)
        each = settings.d_steps + (settings.reals == "fresh")
        if not isinstance(source, ImageData):
            labeled, workers = self._data.spec.classes > 0, self._data.workers
            return StreamedBatches(source, order, size, device, variation, workers, labeled, each)
        if source.images.device.type == device.type:
            return ResidentBatches(source, order, size, variation, each)
        return HostBatches(source, order, size, variation, each, device)

    def _make_players(self) -> Players:
        cell, settings, device = self._cell, self._settings, self._device
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
            streams=self.streams,
            pools=self._make_pools(),
        )

    def _with_state(self, part: Part) -> Stateful[Part]:
        return Stateful(part, _state(part, self.networks, self._device))

    def _penalties(self) -> list[Regularizer]:
        """The cell's regularizers and those of its loss."""
        chosen = [bound.component for bound in self._cell.regularizers]
        return [*chosen, *self._cell.loss.component.penalties()]

    def _make_optimizer(self, player: str, network: torch.nn.Module) -> PlayerOptimizer:
        frozen = bool(self._settings.freeze)
        parameters = [p for p in network.parameters() if p.requires_grad or not frozen]
        return make_optimizer(player, parameters, self._cell.training, self._device, self._recorded)

    def _make_pools(self) -> list[ImagePool]:
        size = self._architecture.fake_pool
        if not size:
            return []
        shapes = self.task.fake_shapes()
        return [ImagePool(size, shape, self._device) for shape in shapes]

    def _make_task(self) -> Task:
        stream, replicas = self.streams["latents"], self._replicas

        def latents(count: int) -> torch.Tensor:
            """This replica's part of the latents of a whole batch."""
            whole = count * replicas.count
            return replicas.share(self._architecture.sample_latents(whole, stream, self._device))

        return make_task(
            self._architecture,
            self._data.spec,
            self.networks,
            self.calls,
            self.arithmetic,
            self._memory_format,
            latents,
        )


def _state(part: Any, networks: Networks, device: torch.device) -> dict[str, torch.Tensor]:
    """What a component keeps at the start."""
    state = kept_tensors(part, "initial_state", part.initial_state(device))
    if isinstance(part, Augmentation):
        return state
    return state | kept_tensors(part, "network_state", part.network_state(networks))


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


def restore_states(
    states: list[dict[str, torch.Tensor]], saved: list[dict[str, torch.Tensor]]
) -> None:
    """Copy what components keep, in place."""
    for state, tensors in zip(states, saved, strict=True):
        for name, tensor in tensors.items():
            state[name].copy_(tensor)
