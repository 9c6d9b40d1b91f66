"""Checks of trainings on a GPU, which is simulated, so that no machine with one is needed."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator

import torch

from ganbench.base.backends import default_switches
from ganbench.testing.simulated_gpu import Report, SimulatedGpu, simulated_gpu
from ganbench.training.trainer import Trainer

_SAMPLES = 3


def check_on_gpu(make: Callable[[torch.device], Trainer], where: str = "") -> None:
    """Fail if a training cannot run on a GPU, waits in its steps, or gives other bits in every run.

    :param make: makes the training on a device, ready for its next step.
    """
    with gpu_of_tests(where) as gpu:
        report = watched_training(gpu, make(gpu.device))
    assert not report, f"{where}on a GPU:\n{report}"


def watched_training(gpu: SimulatedGpu, trainer: Trainer) -> Report:
    """What a step of a training, one operation after the other, and some samples show.

    A step before it is not watched: components may make constants in their first step. The watched one
    has the same number, so that terms which are due in some steps only are due in both.
    """
    number = trainer.steps
    do_steps(trainer, 1)
    trainer.steps = number
    with gpu.watching() as report:
        do_steps(trainer, 1)
        trainer.sampler().images(_SAMPLES, "samples")
    return report


def do_steps(trainer: Trainer, count: int) -> None:
    """Steps alone: without the reading of what was measured, for which the host has to wait.

    And without steps on trial, which an executor does before the first of their kind.
    """
    trainer._batches.load(count)
    for _ in range(count):
        progress = trainer.progress
        trainer._inputs.prepare(progress)
        trainer.series.append(trainer._step(trainer.steps, progress))
        trainer.steps += 1
        trainer.images += trainer.images_per_step


@contextlib.contextmanager
def gpu_of_tests(where: str = "") -> Iterator[SimulatedGpu]:
    """A simulated GPU with the switches that trials have; an error within says that a GPU raises it."""
    try:
        with default_switches(), warnings.catch_warnings(), simulated_gpu() as gpu:
            # The report says it too, with the place and with what to use instead.
            warnings.filterwarnings("ignore", message=".* does not have a deterministic")
            yield gpu
    except (RuntimeError, TypeError) as error:
        raise AssertionError(f"{where}on a GPU, {type(error).__name__}: {error}") from error
