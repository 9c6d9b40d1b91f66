"""Benchmarks of what takes part in every step of a training."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from ganbench.components.architecture import CRITIC_CLASSES, Architecture
from ganbench.components.augmentation import Augmentation
from ganbench.components.data import DataSpec
from ganbench.components.loss import Loss
from ganbench.components.optimizer import Optimizer, OptimizerSettings
from ganbench.components.progress import Progress
from ganbench.components.regularizer import Regularizer
from ganbench.components.schedule import Schedule, Window
from ganbench.components.view import View
from ganbench.registry.session import info_of, spec_of
from ganbench.testing.harness import make_trainer
from ganbench.testing.partners import ConditionalPartner, Partner, made_up_images
from ganbench.testing.speed.device import bench_device
from ganbench.testing.speed.workload import ComponentBenchmarks, Work, workload
from ganbench.training.trainer import Trainer

COLOR = DataSpec(3, 32, 32, classes=10)
_BATCH = 32
_SAMPLES = 16
_LATE = 0.9  # share of the budget: designs that grow have grown by then


class TrainedBenchmarks(ComponentBenchmarks):
    """Benchmarks of a component that takes part in every step of a training.

    :cvar data: the data of the training, which is made up.
    :cvar batch_size: of the training.
    """

    data: ClassVar[DataSpec] = COLOR
    batch_size: ClassVar[int] = _BATCH

    @workload("training steps with small networks")
    def training(self) -> Work:
        return training_work(self._trainer())

    def _trainer(self) -> Trainer:
        raise NotImplementedError

    def _training(self, **parts: Any) -> Trainer:
        """A training with these parts, and small partners."""
        settings = {"batch_size": self.batch_size, **parts.pop("settings", {})}
        return make_trainer(self.data, settings=settings, device=bench_device(), **parts)


class LossBenchmarks(TrainedBenchmarks):
    """Inherit under a name that begins with Test, and name the loss::

        class TestSoftHingeSpeed(LossBenchmarks):
            component = SoftHinge()

    :cvar architecture: the partner in the training; by default one that suits `Loss.needs`.
    """

    component: Loss
    architecture: ClassVar[Architecture | None] = None

    @workload("the losses of both players")
    def losses(self) -> Work:
        views = self._views()

        def call() -> None:
            for ask, view in views:
                ask(view)

        return Work(call, self.batch_size, "images")

    @workload("the losses of both players, and their gradients by the discriminator's answers")
    def gradients(self) -> Work:
        views = [(ask, view, _answers(view)) for ask, view in self._views()]

        def call() -> None:
            for ask, view, answers in views:
                torch.autograd.grad(ask(view), answers, allow_unused=True, retain_graph=True)

        return Work(call, self.batch_size, "images")

    def _views(self) -> list[tuple[Any, View]]:
        """The loss of each player, and what it is called with in a step."""
        trainer = self._trainer()
        return [
            (self.component.discriminator_loss, trainer.view("discriminator")),
            (self.component.generator_loss, trainer.view("generator")),
        ]

    def _trainer(self) -> Trainer:
        return self._training(loss=self.component, architecture=self.architecture)


class RegularizerBenchmarks(TrainedBenchmarks):
    """Inherit under a name that begins with Test, and name the regularizer::

        class TestMyPenaltySpeed(RegularizerBenchmarks):
            component = MyPenalty()

    :cvar architecture: whose networks it acts on.
    """

    component: Regularizer
    architecture: ClassVar[Architecture | None] = None

    @workload("the terms of its players")
    def terms(self) -> Work:
        terms = [ask for ask, _ in self._terms()]

        def call() -> None:
            for ask in terms:
                ask()

        return Work(call, self.batch_size, "images")

    @workload("the terms of its players, and their gradients by the weights")
    def gradients(self) -> Work:
        terms = self._terms()

        def call() -> None:
            for ask, weights in terms:
                torch.autograd.grad(ask(), weights, allow_unused=True, retain_graph=True)

        return Work(call, self.batch_size, "images")

    def _terms(self) -> list[tuple[Callable[[], Tensor], list[Tensor]]]:
        """The term of each player as a step calls it, and the weights of the player."""
        trainer, component = self._trainer(), self.component
        state = component.initial_state(bench_device()) | component.network_state(trainer.networks)
        component.advance(state, Progress(0, 0.0))
        found: list[tuple[Callable[[], Tensor], list[Tensor]]] = []
        for player in sorted(component.players):
            view = replace(trainer.view(player, component.differentiates), state=state)
            weights: list[Tensor] = list(getattr(trainer.networks, player).parameters())
            found.append((functools.partial(getattr(component, player), view), weights))
        return found

    def _trainer(self) -> Trainer:
        architecture = self.architecture
        if architecture is None:
            classes = CRITIC_CLASSES in self.component.needs
            architecture = ConditionalPartner() if classes else Partner()
        return self._training(regularizers=[self.component], architecture=architecture)


class AugmentationBenchmarks(TrainedBenchmarks):
    """Inherit under a name that begins with Test, and name the augmentation::

    class TestMyAugmentationSpeed(AugmentationBenchmarks):
        component = MyAugmentation()
    """

    component: Augmentation

    @workload("the augmentation of a batch")
    def images(self) -> Work:
        apply, _ = self._applied()
        return Work(apply, self.batch_size, "images")

    @workload("the augmentation of a batch, and its gradient")
    def gradients(self) -> Work:
        apply, images = self._applied()
        return Work(
            lambda: torch.autograd.grad(apply().sum(), images, allow_unused=True),
            self.batch_size,
            "images",
        )

    def _applied(self) -> tuple[Callable[[], Tensor], Tensor]:
        """A call of the augmentation, and the images that it is given."""
        device = bench_device()
        images = made_up_images(self.data, self.batch_size).to(device).requires_grad_()
        random, state = torch.Generator(device), self.component.initial_state(device)
        return functools.partial(self.component.apply, images, random, state), images

    def _trainer(self) -> Trainer:
        return self._training(augmentations=[self.component])


class OptimizerBenchmarks(TrainedBenchmarks):
    """Inherit under a name that begins with Test, and name the optimizer::

        class TestLionSpeed(OptimizerBenchmarks):
            component = Lion()

    :cvar shapes: of the parameters that it steps.
    """

    component: Optimizer
    shapes: ClassVar[Sequence[tuple[int, ...]]] = (
        (256, 64, 3, 3),
        (64, 64, 3, 3),
        (512, 128),
        (512,),
    )

    @workload("steps of the optimizer alone")
    def steps(self) -> Work:
        random = torch.Generator().manual_seed(0)
        device, drawn = bench_device(), [torch.randn(s, generator=random) for s in self.shapes]
        weights = [torch.nn.Parameter(tensor.to(device)) for tensor in drawn]
        for weight in weights:
            weight.grad = weight.detach().clone()
        settings = OptimizerSettings(1e-6, (0.5, 0.99), 0.0, 0.0, False)
        return Work(self.component.build(weights, settings).step, 1, "steps")

    def _trainer(self) -> Trainer:
        return self._training(settings={"optimizer": _spec(self.component)})


class ScheduleBenchmarks(TrainedBenchmarks):
    """Inherit under a name that begins with Test, and name the schedule::

    class TestWarmUpSpeed(ScheduleBenchmarks):
        component = WarmUp()
    """

    component: Schedule

    @workload("the rates of a hundred steps")
    def rates(self) -> Work:
        places = [Progress(1000 * n, n / 100) for n in range(100)]
        window = Window(0.25, 0.75, 0.1)

        def call() -> None:
            for progress in places:
                self.component.factor(progress, window)
                self.component.way(progress, window)

        return Work(call, len(places), "steps")

    def _trainer(self) -> Trainer:
        return self._training(settings={"schedule": _spec(self.component)})


class ArchitectureBenchmarks(TrainedBenchmarks):
    """Inherit under a name that begins with Test, and name the architecture::

        class TestTinyUpsamplerSpeed(ArchitectureBenchmarks):
            component = TinyUpsampler()
            data = DataSpec(1, 28, 28)

    :cvar data: the data that it is built for; by default the first usual one that it allows.
    """

    component: Architecture
    batch_size: ClassVar[int] = 8

    @workload("samples from the averaged generator")
    def samples(self) -> Work:
        trainer = self._trainer()
        sampler = trainer.sampler()
        count = sampler.available(_SAMPLES)
        return Work(lambda: sampler.images(count, "benchmark"), count, "images")

    def _trainer(self) -> Trainer:
        trainer = make_trainer(
            self._data(),
            architecture=self.component,
            settings={"batch_size": self.batch_size},
            device=bench_device(),
        )
        if trainer.schedule.total_steps is not None:
            trainer.steps = int(trainer.schedule.total_steps * _LATE)
        return trainer

    def _data(self) -> DataSpec:
        if type(self).data is not TrainedBenchmarks.data:
            return self.data
        usual = _USUAL[self.component.task]
        return next((data for data in usual if self.component.problem(data) is None), usual[0])


_USUAL: dict[str, tuple[DataSpec, ...]] = {
    task: (COLOR, DataSpec(1, 28, 28, 10), DataSpec(3, 64, 64, 10), DataSpec(2, 1, 1, 8, "points"))
    for task in ("unconditional", "class-conditional")
} | {
    f"{pairing}-translation": tuple(
        DataSpec(3, side, side, source_channels=3, pairing=pairing) for side in (32, 64, 256)
    )
    for pairing in ("paired", "unpaired")
}


def training_work(trainer: Trainer) -> Work:
    """Steps of a training: as many as it takes until all lazy terms were due."""
    trainer.warm_up()
    steps = trainer.period
    return Work(lambda: trainer.time_steps(steps), steps * trainer.images_per_step, "images")


def _answers(view: View) -> list[Tensor]:
    """What the losses of a view are differentiated by."""
    found = [view.real_logits, view.fake_logits]
    for critique in (view.real_critique, view.fake_critique):
        if critique is not None:
            found += [critique.features, critique.class_logits]
    return [part for part in found if part is not None and part.requires_grad]


def _spec(component: Any) -> str:
    return spec_of(component, info_of(component))
