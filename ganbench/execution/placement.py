"""Which device, how many trials at a time, and which worker gets which part of the machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ganbench.base.devices import choose_device as choose_device
from ganbench.base.errors import UsageError
from ganbench.execution.run_options import RunOptions
from ganbench.execution.supervise.messages import Slot

if TYPE_CHECKING:
    import torch

_VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Placement:
    """Where trials run on this machine.

    :ivar device: as workers see it.
    :ivar threads: CPU threads of a worker.
    :ivar slots: one for each trial at a time.
    """

    device: str
    threads: int
    slots: Sequence[Slot]


def place(device: torch.device, options: RunOptions) -> Placement:
    """Slots on a device, as many as the options ask for.

    On the CPU a trial has one core by default. GPUs are dealt out in turn: a worker sees its own only.
    ``auto`` is a trial for each core, or for each GPU or share of one.

    :raises UsageError: for a share of a GPU on the CPU.
    """
    if device.type == "cpu":
        if options.gpus_per_trial is not None:
            raise UsageError("--gpus-per-trial: the trials run on the CPU; see --device")
        threads = options.threads or 1
        jobs = _jobs(options, max(1, cores() // threads))
        return Placement("cpu", threads, [Slot(f"cpu-{i}") for i in range(jobs)])
    gpus = _gpus(device)
    each = int(1 / (options.gpus_per_trial or 1) + 1e-9)
    jobs = _jobs(options, len(gpus) * each)
    threads = options.threads or max(1, cores() // jobs)
    slots = [
        Slot(f"cuda-{gpu}-{i}", extra={"environment": {_VISIBLE: gpu}})
        for i in range(jobs)
        for gpu in [gpus[i % len(gpus)]]
    ]
    return Placement("cuda", threads, slots)


def place_elsewhere(options: RunOptions) -> Placement:
    """What a trial gets on the nodes of a cluster, which say how many trials they have room for.

    Trials use GPUs if this machine has one or if the options ask for them.

    :raises UsageError: for an unknown device, or one GPU of many.
    """
    import torch

    known = {None: torch.cuda.is_available(), "cpu": False, "cuda": True}
    if options.device not in known:
        raise UsageError(f"--device {options.device}: on a cluster it is cpu or cuda")
    if options.device == "cpu" and options.gpus_per_trial is not None:
        raise UsageError("--gpus-per-trial: the trials run on the CPU; see --device")
    cuda = known[options.device] or options.gpus_per_trial is not None
    return Placement("cuda" if cuda else "cpu", options.threads or 1, [])


def cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _jobs(options: RunOptions, automatic: int) -> int:
    return automatic if options.jobs == "auto" else int(options.jobs)


def _gpus(device: torch.device) -> list[str]:
    """The GPUs to use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    import torch

    shown = [name for name in os.environ.get(_VISIBLE, "").split(",") if name.strip()]
    names = shown or [str(i) for i in range(torch.cuda.device_count())]
    return names if device.index is None else [names[device.index]]
