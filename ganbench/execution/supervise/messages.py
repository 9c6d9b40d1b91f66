"""The messages between a supervisor and its workers.

All of them are plain data that survives JSON: a worker is another process, maybe on another machine,
and a process that crashed may have written them, so nobody unpickles what a worker sends.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ganbench.execution.run_options import RunOptions
from ganbench.training.trial_context import Status as Status

#: What an executor tells the supervisor, one mapping at a time; ``event`` names its kind:
#:
#: ``say`` (``text``), ``prepared`` (``group``, ``problem`` or None, ``clean``: whether the process is
#: fit for more), ``started`` (``trial``),
#: ``status`` (``trial`` and the fields of `Status`), ``tick`` (``trial``, ``record``),
#: ``ended`` (``trial``, ``status``, ``error``; its row is in the run folder),
#: ``storage`` (``trial``, ``problem``: the run folder cannot be written), and
#: ``lost`` (``trial`` or ``group``, and the fields of `Ending`): the process died before its end.
Event = Mapping[str, Any]
Emit = Callable[[Event], None]


@dataclass(frozen=True)
class WorkerSetup:
    """What all trials of a run have in common.

    :ivar grid: the grid as `Grid.as_dict` gives it, which workers expand; empty without training.
    :ivar root: the data folder.
    :ivar cache: the folder of weights and reference statistics.
    :ivar device: ``cpu``, ``cuda`` or ``cuda:0``, as the worker sees it.
    :ivar threads: CPU threads of a worker outside of trials; None leaves torch's choice.
    :ivar options: of the run; workers read those that act in them.
    :ivar gpu_share: the part of its GPU that a trial has, above 0, up to 1.
    :ivar components: of the session that started the run, see `packed_components`.
    """

    grid: Mapping[str, Any]
    root: str
    cache: str
    device: str
    threads: int | None = None
    options: RunOptions = field(default_factory=RunOptions)
    gpu_share: float = 1.0
    components: Sequence[Mapping[str, str]] = ()

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "options": self.options.as_dict()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> WorkerSetup:
        return cls(**{**document, "options": RunOptions(**document["options"])})


@dataclass(frozen=True)
class TrialRequest:
    """One trial to train, or to measure again.

    :ivar trial: its id.
    :ivar folder: the run folder.
    :ivar attempt: which attempt this is, from 1.
    :ivar group: trials of a group share data and evaluator.
    :ivar owner: who holds the trial's lease; empty where none is needed.
    :ivar planned: the trial's `Trial.planned_id`, by which workers find it in their plan.
    :ivar cell: the value of its row's column ``cell``.
    :ivar base: the id of a finished trial of a smaller budget to go on from; empty for none.
    :ivar threads: the CPU threads that it has to have; 0 leaves the choice to its worker.
    :ivar most_threads: the most that its worker chooses; 0 for those of the setup.
    :ivar measure: the fields of a `Request`, if the trial is to be measured and not trained.
    """

    trial: str
    folder: str
    attempt: int = 1
    group: str = ""
    owner: str = ""
    planned: str = ""
    cell: str = ""
    base: str = ""
    threads: int = 0
    most_threads: int = 0
    measure: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Ending:
    """How a process ended that could not say so itself.

    :ivar status: ``crashed``, ``oom`` or ``timeout``.
    :ivar error: the sentence for the row.
    :ivar outside: whether something outside of the trial ended it.
    """

    status: str
    error: str
    outside: bool = False


@dataclass(eq=False)
class Slot:
    """Room for one trial.

    :ivar group: of the last trial there: its data is still loaded.
    """

    name: str
    group: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class Executor(Protocol):
    """Where trials run. Only `poll` waits; all events go to the `Emit` that it was made with."""

    def free(self) -> Sequence[Slot]:
        """Slots that could take a trial now."""

    def prepare(self, slot: Slot, group: str, trial: str) -> None:
        """Load the data and the evaluator of a trial's group; ``prepared`` or ``lost`` follows."""

    def submit(self, slot: Slot, request: TrialRequest) -> None:
        """Begin a trial; ``ended``, ``storage`` or ``lost`` follows."""

    def poll(self, seconds: float) -> None:
        """Wait until something happens, at most this long, and emit it."""

    def stop(self, trial: str) -> None:
        """Ask a trial to save its state and end as ``interrupted``."""

    def kill(self, trial: str, ending: Ending) -> None:
        """End a trial (or a group's preparation) with everything that it started; ``lost`` follows."""

    def close(self) -> None:
        """End every process."""


class Workers:
    """An executor with its events.

    :ivar jobs: how many trials it runs at a time.
    """

    def __init__(self, executor: Executor, events: deque[Event], jobs: int) -> None:
        self.executor, self.jobs = executor, max(1, jobs)
        self._events = events

    def poll(self, seconds: float) -> Iterator[Event]:
        """Wait until something happens, at most this long, and give the events."""
        self.executor.poll(seconds)
        yield from self.events()

    def events(self) -> Iterator[Event]:
        while self._events:
            yield self._events.popleft()

    def end_late(self, began: Mapping[str, float | None], limit: float | None) -> None:
        """End what has taken too long.

        :param began: monotonic time at which a trial or a group's preparation began; None before.
        :param limit: in seconds.
        """
        for name, since in list(began.items()):
            if (ending := too_late(since, limit)) is not None:
                self.executor.kill(name, ending)


def too_late(since: float | None, limit: float | None) -> Ending | None:
    """The ending of what began at a monotonic time, if it has taken longer than the limit."""
    if limit is None or since is None or time.monotonic() - since <= limit:
        return None
    return Ending("timeout", f"took longer than {seconds_text(limit)}")


def seconds_text(seconds: float) -> str:
    """Write a time as the command line takes it: ``10m`` or ``90s``."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
