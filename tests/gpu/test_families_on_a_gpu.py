"""All families on a GPU: they wait nowhere, are repeatable, and resume to the bit."""

from __future__ import annotations

import functools

import pytest
import torch
from families import CASES, everything, trainer

from ganbench.testing.gpu_checks import watched_training
from ganbench.testing.harness import through_checkpoint
from ganbench.testing.simulated_gpu import SimulatedGpu, simulated_gpu

PRECISIONS = ["fp32", "bf16"]
#: Ways to train that move, vary or lay out data in another way.
EAGER = {"executor": "eager"}
WAYS = [
    EAGER | {"precision": "fp32"},
    EAGER | {"precision": "fp32", "memory_format": "channels_last"},
    EAGER | {"precision": "bf16"},  # channels last, where tensor cores are fastest
    EAGER | {"precision": "bf16", "memory_format": "contiguous"},
    EAGER | {"precision": "fp32", "flip": True, "jitter": 2},
]
#: Its augmentation looks pixels up in another way on a GPU, whose sums are rounded otherwise.
OTHER_ARITHMETIC = {"unpaired-r1"}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("case", CASES)
def test_steps_and_samples_wait_nowhere_and_are_repeatable(case, precision, gpu):
    training = trainer(case, device=gpu.device, precision=precision)
    report = watched_training(gpu, training)
    assert not report, report
    assert all(one.is_cuda for one in everything(training))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("settings", WAYS, ids=str)
@pytest.mark.parametrize("case", CASES)
def test_a_resumed_training_goes_on_to_the_same_bits(case, settings, device):
    make = functools.partial(trainer, case, device=device, **settings)
    straight = make()  # one after the other: some layers draw from the global random state
    straight.time_steps(4)
    stopped = make()
    stopped.time_steps(2)
    resumed = through_checkpoint(stopped, make)
    resumed.time_steps(2)
    for one, other in zip(everything(straight), everything(resumed), strict=True):
        assert torch.equal(one, other)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("case", [case for case in CASES if case not in OTHER_ARITHMETIC])
def test_a_simulated_gpu_gives_the_bits_of_the_cpu(case, precision):
    """So what goes wrong on it alone is a fault of the code and not of the simulation."""

    def trained(device):
        # Where Adam's beta moves, a GPU has another Adam.
        plain = {"memory_format": "contiguous", "executor": "eager", "beta2_final": None}
        training = trainer(case, device=device, precision=precision, **plain)
        training.time_steps(2)
        tensors = [*everything(training), training.sampler().images(3, "samples")]
        return [tensor.cpu() for tensor in tensors]

    here = trained(torch.device("cpu"))
    with simulated_gpu() as gpu:
        assert isinstance(gpu, SimulatedGpu)
        there = trained(gpu.device)
    for one, other in zip(here, there, strict=True):
        assert torch.equal(one, other)
