"""Which device, how many trials at a time, and which worker gets which part of the machine."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ganbench.base.devices import choose_device as choose_device
from ganbench.base.errors import UsageError
from ganbench.base.machine import allowed_threads, available_memory, cores, physical_cores
from ganbench.base.text import counted
from ganbench.execution.run_options import RunOptions
from ganbench.execution.supervise.messages import Slot

if TYPE_CHECKING:
    import torch

_VISIBLE = "CUDA_VISIBLE_DEVICES"


#: Memory of a worker on the CPU, without what its networks take.
WORKER_BYTES = 1 << 30


@dataclass(frozen=True)
class Workload:
    """What there is to train.

    :ivar planned: trials of the whole plan, also those that have ended. They decide the threads, so
        that a run that was interrupted gives the bits of one that was not.
    :ivar left: trials to train now.
    :ivar trial_bytes: about the memory that a trial takes on the CPU.
    """

    planned: int
    left: int
    trial_bytes: int = WORKER_BYTES


@dataclass(frozen=True)
class Placement:
    """Where trials run on this machine.

    :ivar device: as workers see it.
    :ivar threads: CPU threads of a trial at the most.
    :ivar slots: one for each trial at a time.
    :ivar share: the part of its GPU that a trial has, above 0, up to 1.
    :ivar replicas: processes of a trial.
    :ivar short: how many trials the memory has room for, where it has room for fewer than the cores.
    """

    device: str
    threads: int
    slots: Sequence[Slot]
    share: float = 1.0
    replicas: int = 1
    short: int | None = None


def place(
    device: torch.device, options: RunOptions, replicas: int = 1, work: Workload | None = None
) -> Placement:
    """Slots on a device, as many as the options ask for.

    On the CPU the cores are dealt out among the planned trials: a core for each, and several threads
    where there are fewer trials than cores. ``jobs`` changes no thread, and so no bit. GPUs are dealt
    out in turn: a worker sees its own only. ``auto`` is a trial for each core, or for each GPU or
    share of one, as far as there are trials and memory.

    :param replicas: processes of a trial; each has cores, or a GPU, of its own.
    :param work: what there is to train; by default more trials than room.
    :raises UsageError: for a share of a GPU on the CPU, more trials than the shares have room for, or
        fewer GPUs than replicas.
    """
    if device.type == "cpu":
        return _on_cpu(options, replicas, work)
    gpus = _gpu_sets(device, options, replicas)
    share = options.gpus_per_trial
    room = len(gpus) * int(1 / (share or 1) + 1e-9)
    jobs = _jobs(options, room if work is None else min(room, max(1, work.left)))
    if share is not None and jobs > room:
        have = counted(len(gpus), "GPU")
        raise UsageError(
            f"jobs={jobs}: {have} {'has' if len(gpus) == 1 else 'have'} room for "
            f"{counted(room, 'trial')} with gpus_per_trial={share:g}; lower one of them"
        )
    threads = options.threads or max(1, cores() // (jobs * replicas))
    slots = [
        Slot(f"cuda-{gpu}-{i}", extra={"environment": {_VISIBLE: gpu}})
        for i in range(jobs)
        for gpu in [gpus[i % len(gpus)]]
    ]
    share = share or 1 / math.ceil(jobs / len(gpus))
    return Placement("cuda", threads, slots, share, replicas)


def _on_cpu(options: RunOptions, replicas: int, work: Workload | None) -> Placement:
    if options.gpus_per_trial is not None:
        raise UsageError("--gpus-per-trial: the trials run on the CPU; see --device")
    threads = options.threads or planned_threads(replicas, None if work is None else work.planned)
    room = max(1, cores() // (threads * replicas))
    if work is not None:
        room = min(room, max(1, work.left))
    each = (WORKER_BYTES if work is None else work.trial_bytes) * replicas
    if options.memory_limit is not None:
        each = options.memory_limit * replicas
    in_memory = max(1, available_memory() // each)
    jobs = _jobs(options, min(room, in_memory))
    short = in_memory if options.jobs == "auto" and in_memory < room else None
    slots = [Slot(f"cpu-{i}") for i in range(jobs)]
    return Placement("cpu", threads, slots, replicas=replicas, short=short)


def planned_threads(replicas: int, trials: int | None) -> int:
    """CPU threads of each process of a trial, if so many trials are planned.

    It depends on nothing that changes from run to run on one machine: neither on the trials that are
    left nor on the free memory.
    """
    if trials is None:
        return 1
    most = min(physical_cores(), allowed_threads() or physical_cores())
    return max(1, most // (max(1, trials) * replicas))


def place_elsewhere(options: RunOptions, replicas: int = 1) -> Placement:
    """What a trial gets on the nodes of a cluster, which say how many trials they have room for.

    Trials use GPUs if this machine has one or if the options ask for them.

    :raises UsageError: for an unknown device, or one GPU of many.
    """
    import torch

    _check_replicas(options, replicas)
    known = {None: torch.cuda.is_available(), "cpu": False, "cuda": True}
    if options.device not in known:
        raise UsageError(f"--device {options.device}: on a cluster it is cpu or cuda")
    if options.device == "cpu" and options.gpus_per_trial is not None:
        raise UsageError("--gpus-per-trial: the trials run on the CPU; see --device")
    cuda = known[options.device] or options.gpus_per_trial is not None
    device, share = "cuda" if cuda else "cpu", options.gpus_per_trial or 1.0
    return Placement(device, options.threads or 1, [], share, replicas)


def _gpu_sets(device: torch.device, options: RunOptions, replicas: int) -> list[str]:
    """The GPUs of each trial at a time, as ``CUDA_VISIBLE_DEVICES`` names them."""
    _check_replicas(options, replicas)
    gpus = _gpus(device)
    if replicas > len(gpus):
        raise UsageError(
            f"training.replicas={replicas}: each replica takes a GPU, and here "
            f"{'is' if len(gpus) == 1 else 'are'} {counted(len(gpus), 'GPU')} to use; lower it, or see "
            "--device"
        )
    starts = range(0, len(gpus) - replicas + 1, replicas)
    return [",".join(gpus[start : start + replicas]) for start in starts]


def _check_replicas(options: RunOptions, replicas: int) -> None:
    if replicas > 1 and options.gpus_per_trial is not None:
        raise UsageError(
            f"--gpus-per-trial {options.gpus_per_trial:g} and training.replicas={replicas}: each "
            "replica takes a whole GPU; leave one of the options out"
        )


def _jobs(options: RunOptions, automatic: int) -> int:
    if options.executor == "inline":
        return 1
    return automatic if options.jobs == "auto" else int(options.jobs)


def _gpus(device: torch.device) -> list[str]:
    """The GPUs to use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    import torch

    shown = [name for name in os.environ.get(_VISIBLE, "").split(",") if name.strip()]
    names = shown or [str(i) for i in range(torch.cuda.device_count())]
    return names if device.index is None else [names[device.index]]
