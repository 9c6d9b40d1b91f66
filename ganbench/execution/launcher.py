"""Start the workers of a run, in the way that its options ask for."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganbench.base.errors import UsageError
from ganbench.base.paths import cache_root
from ganbench.execution.component_objects import packed_components
from ganbench.execution.context import RunContext
from ganbench.execution.placement import (
    Placement,
    Workload,
    choose_device,
    place,
    place_elsewhere,
)
from ganbench.execution.run_options import RunOptions
from ganbench.execution.supervise.callbacks import Audience, resolve_callbacks
from ganbench.execution.supervise.inline_executor import InlineExecutor
from ganbench.execution.supervise.local_executor import LocalExecutor
from ganbench.execution.supervise.messages import Event, Executor, Workers, WorkerSetup
from ganbench.grid.plan import Plan
from ganbench.grid.settings import replicas_of
from ganbench.registry.lookup import default_registry


class Launcher:
    """Makes the executor of a run; `close` ends all its processes.

    :param grid: the grid as `Grid.as_dict` gives it; empty if nothing is trained.
    :param root: the data folder.
    :param most: no more workers than this.
    """

    def __init__(
        self, run: RunContext, grid: Mapping[str, Any], root: Path, most: int | None = None
    ) -> None:
        self._run, options = run, run.options
        self._callbacks = resolve_callbacks(options.callbacks)
        self._replicas = replicas_of(grid)
        first = Workload(planned=1, left=1)  # until the plan is known, one worker is enough
        if most is not None:
            first = Workload(most, most)
        self.placement, device = _placed(options, self._replicas, first)
        self._setup = WorkerSetup(
            grid=grid,
            root=str(root.resolve()),
            cache=str(cache_root().resolve()),
            device=device,
            threads=_outside_of_trials(self.placement, options),
            gpu_share=self.placement.share,
            options=options,
            components=[] if options.executor == "inline" else packed_components(),
        )
        self._events: deque[Event] = deque()
        self._executor: Executor | None = None

    def warm_up(self) -> None:
        """Start local workers, which load their libraries while the run is being planned."""
        if self._run.options.executor == "local":
            self._executor = executor = self._local()
            executor.warm_up()

    def settle(self, work: Workload) -> None:
        """Fit the workers to what there is to train."""
        self.placement, _ = _placed(self._run.options, self._replicas, work)
        if isinstance(self._executor, LocalExecutor) and work.left:
            self._executor.widen(self.placement.slots)

    @property
    def most_threads(self) -> int:
        """Of a trial; 0 where its process has torch's own number, or the user's."""
        return 0 if self._run.options.executor == "inline" else self.placement.threads

    def workers(self, plan: Plan | None = None) -> Workers:
        """The workers, started if they are not yet.

        :raises UsageError: if they cannot be had.
        """
        jobs = len(self.placement.slots)
        if self._executor is None and self._run.options.executor == "ray":
            from ganbench.execution.ray.executor import RayExecutor

            ray = RayExecutor(self._setup, self._events.append, self._run.folder, self._run.options)
            self._executor, jobs = ray, ray.jobs
        elif self._executor is None and self._run.options.executor == "inline":
            trials = {} if plan is None else {trial.id: trial for trial in plan.trials()}
            audience = Audience(self._callbacks, self._run.progress.say)
            emit = self._events.append
            self._executor = InlineExecutor(self._setup, trials, audience, emit, self._run.stop)
        elif self._executor is None:
            self._executor = self._local()
        return Workers(self._executor, self._events, jobs)

    def close(self) -> None:
        if self._executor is not None:
            self._executor.close()

    def _local(self) -> LocalExecutor:
        return LocalExecutor(self._setup, self._events.append, self.placement.slots)


def _outside_of_trials(placement: Placement, options: RunOptions) -> int | None:
    """Threads of a worker that prepares what trials share: one on the CPU, since its bits are cached."""
    if options.executor == "inline":
        return options.threads
    return placement.threads if placement.device == "cuda" else options.threads or 1


def _placed(options: RunOptions, replicas: int, work: Workload) -> tuple[Placement, str]:
    """Where trials run, and the device as they see it."""
    if options.executor == "ray":
        placement = place_elsewhere(options, replicas)
        return placement, placement.device
    if replicas > 1 and default_registry().in_process:
        raise UsageError(
            f"training.replicas={replicas}: other processes do not find components that were "
            "registered in this process; use training.replicas=1"
        )
    device = choose_device(options.device)
    placement = place(device, options, replicas, work)
    return placement, str(device) if options.executor == "inline" else placement.device
