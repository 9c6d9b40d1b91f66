"""What a run uses of this machine: what its trials take, and one sentence about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ganbench.base.machine import THREADS, allowed_threads, cores, physical_cores
from ganbench.base.text import counted
from ganbench.execution.placement import WORKER_BYTES, Placement, Workload
from ganbench.execution.run_options import RunOptions
from ganbench.grid.cell import Cell, Trial

#: Bytes in training for each pixel of a batch: roughly those of 500 feature maps of the images' size.
_PIXEL_BYTES = 2000


def workload(planned: Sequence[Trial], left: Iterable[Trial]) -> Workload:
    """What there is to train.

    :param planned: all trials of the plan; cells that cannot work do not count.
    """
    workable = sum(trial.cell.reason is None for trial in planned)
    waiting = list(left)
    most = max([0, *map(_training_bytes, {id(one.cell): one.cell for one in waiting}.values())])
    return Workload(max(1, workable), len(waiting), WORKER_BYTES + most)


def _training_bytes(cell: Cell) -> int:
    data = cell.data
    if data is None or data.kind != "image":
        return 0
    return cell.training.settings.batch_size * data.height * data.width * _PIXEL_BYTES


def use_of_machine(placement: Placement, options: RunOptions, left: int) -> str:
    """One sentence: what a run uses, what it leaves idle, and which option changes that.

    :param left: trials to train.
    """
    jobs = min(len(placement.slots), max(1, left))
    if options.executor == "inline":
        return (
            "the run uses this process, one trial at a time; --executor local takes a process for "
            "each trial and all cores"
        )
    use = _gpu_use if placement.device == "cuda" else _cpu_use
    return "; ".join(use(placement, options, jobs, left))


def _cpu_use(placement: Placement, options: RunOptions, jobs: int, left: int) -> Iterator[str]:
    each, here = placement.threads * placement.replicas, cores()
    used = min(here, jobs * each)
    threads = counted(placement.threads, "thread")
    if placement.threads > 1 and options.threads is None:
        threads = f"up to {threads}, one in small networks"
    at_a_time = f"{counted(jobs, 'trial')} at a time, each with {threads}"
    if placement.replicas > 1:
        at_a_time += f" in each of {placement.replicas} processes"
    most = "up to " * (placement.threads > 1 and options.threads is None)
    yield f"the run uses {most}{used} of {counted(here, 'core')}: {at_a_time}"
    if used < physical_cores():
        yield f"{counted(here - used, 'core')} stay{'s' * (here - used == 1)} idle: " + _why_idle(
            placement, options, jobs, left
        )
    if jobs > 1:
        yield "trials side by side give no throughput: -j 1 measures it"


def _why_idle(placement: Placement, options: RunOptions, jobs: int, left: int) -> str:
    """Why cores are idle, and the option that uses them."""
    if placement.short is not None and jobs < left:
        return (
            f"the free memory has room for {counted(placement.short, 'trial')}; -j or "
            "--memory-limit with the size of a trial changes that"
        )
    if options.jobs != "auto" and jobs < left:
        return f"-j {options.jobs} asks for that; -j auto uses them"
    allowed = allowed_threads()
    if options.threads is None and allowed is not None and allowed <= placement.threads:
        return f"{THREADS}={allowed} asks for that; --threads {cores() // jobs} uses them"
    if options.threads is not None:
        return f"--threads {options.threads} asks for that"
    more = cores() // (jobs * placement.replicas)
    if more > placement.threads:
        return (
            f"the threads follow from the whole grid; --threads {more} uses them and gives other last "
            "bits"
        )
    return "there are too few trials for them; more --seeds would use them"


def _gpu_use(placement: Placement, options: RunOptions, jobs: int, left: int) -> Iterator[str]:
    import torch

    here = torch.cuda.device_count()
    names = {
        name
        for slot in placement.slots[:jobs]
        for name in slot.extra["environment"]["CUDA_VISIBLE_DEVICES"].split(",")
    }
    used = len(names)
    yield (
        f"the run uses {used} of {counted(here, 'GPU')}: {counted(jobs, 'trial')} at a time, each with "
        f"{counted(placement.threads, 'CPU thread')}"
    )
    if used < here:
        idle = here - used
        yield f"{counted(idle, 'GPU')} stay{'s' * (idle == 1)} idle: " + (
            f"-j {options.jobs} asks for that; -j auto uses them"
            if options.jobs != "auto" and jobs < left
            else f"--device {options.device} asks for that"
            if options.device not in (None, "cuda")
            else "there are too few trials for them; more --seeds would use them"
        )
    if jobs > used:
        yield "trials that share a GPU give no throughput: -j 1 measures it"
