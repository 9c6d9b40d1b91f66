"""Which device, how many trials at a time, and which worker gets which part of the machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ganbench.errors import UsageError
from ganbench.execution.options import RunOptions
from ganbench.execution.orders import Slot

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


def choose_device(name: str | None) -> torch.device:
    """The device to train on; raises UsageError if it is not there."""
    import torch

    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"unknown device {name!r}: cpu, cuda or cuda:0") from None
    if device.type not in ("cpu", "cuda") or (device.type == "cpu" and device.index):
        raise UsageError(f"device {name!r} is not supported: cpu, cuda or cuda:0")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UsageError(f"--device {name}: torch finds no CUDA GPU here; use --device cpu")
        if device.index is not None and device.index >= torch.cuda.device_count():
            raise UsageError(f"--device {name}: there are {torch.cuda.device_count()} GPUs")
    return device


def place(device: torch.device, options: RunOptions) -> Placement:
    """Slots on a device, as many as were asked for.

    On the CPU a trial has one core unless told otherwise. GPUs are dealt out in turn: a worker sees
    its own only. ``auto`` is a trial for each core, or for each GPU or the share that a trial gets.

    :raises UsageError: for a share of a GPU where there is none.
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
    """What a trial gets on the nodes of a cluster, which are to be asked how many there is room for.

    GPUs are used if there is one here or if they are asked for.

    :raises UsageError: for a device that is no device, or one GPU of many.
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
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _jobs(options: RunOptions, automatic: int) -> int:
    return automatic if options.jobs == "auto" else int(options.jobs)


def _gpus(device: torch.device) -> list[str]:
    """The GPUs to use, as a process is told to see only them."""
    import torch

    shown = [name for name in os.environ.get(_VISIBLE, "").split(",") if name.strip()]
    names = shown or [str(i) for i in range(torch.cuda.device_count())]
    return names if device.index is None else [names[device.index]]
