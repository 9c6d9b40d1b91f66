"""What a supervisor and those who train for it say to each other.

All of it is plain data that survives JSON: a worker is another process, maybe on another machine,
and nothing that comes from a process that may have crashed is unpickled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ganbench.results.primary import PRIMARY

#: What an executor tells the supervisor, one mapping at a time; ``event`` says what it is:
#:
#: ``say`` (``text``), ``prepared`` (``group``, ``problem`` or None), ``started`` (``trial``),
#: ``status`` (``trial`` and the fields of `Status`), ``tick`` (``trial``, ``record``),
#: ``ended`` (``trial``, ``status``, ``error``; its row is in the run folder),
#: ``storage`` (``trial``, ``problem``: the run folder cannot be written), and
#: ``lost`` (``trial`` or ``group``, and the fields of `Ending`): the process died before its end.
Event = Mapping[str, Any]
Emit = Callable[[Event], None]


@dataclass(frozen=True)
class Setup:
    """What all trials of a run have in common.

    :ivar grid: the grid as `Grid.as_dict` gives it; workers expand it anew.
    :ivar root: the data folder.
    :ivar cache: the folder of weights and reference statistics.
    :ivar device: ``cpu``, ``cuda`` or ``cuda:0``, as the worker sees it.
    :ivar threads: CPU threads of a worker; None leaves torch's choice.
    :ivar callbacks: specs of callbacks.
    :ivar memory_limit: bytes that a worker may allocate on the CPU, or None.
    :ivar keep_results: whether checkpoints of components' earlier code are gone on with.
    """

    grid: Mapping[str, Any]
    root: str
    cache: str
    device: str
    threads: int | None = None
    callbacks: Sequence[str] = ()
    memory_limit: int | None = None
    keep_results: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Order:
    """One trial to train, or to measure again.

    :ivar trial: its id.
    :ivar folder: the run folder.
    :ivar attempt: which attempt this is, from 1.
    :ivar group: trials of a group share data and evaluator.
    :ivar owner: who holds the claim on the trial; empty if nobody need.
    :ivar measure: the fields of a `Request`, if the trial is to be measured and not trained.
    """

    trial: str
    folder: str
    attempt: int = 1
    group: str = ""
    owner: str = ""
    measure: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Status:
    """How far a running trial has come.

    :ivar phase: ``starting``, ``training`` or ``evaluating``.
    :ivar share: of the budget, 0 to 1.
    :ivar quality: the primary metric at the last tick, ``metric`` its name.
    """

    phase: str = "starting"
    share: float = 0.0
    steps: int = 0
    images: int = 0
    train_seconds: float = 0.0
    eval_seconds: float = 0.0
    d_loss: float = float("nan")
    g_loss: float = float("nan")
    quality: float = float("nan")
    metric: str = PRIMARY


@dataclass(frozen=True)
class Ending:
    """How a process ended that did not live to tell.

    :ivar status: ``crashed``, ``oom`` or ``timeout``.
    :ivar error: the sentence for the row.
    :ivar outside: whether somebody else ended it, so that the trial is not to blame.
    """

    status: str
    error: str
    outside: bool = False


@dataclass(eq=False)
class Slot:
    """Room for one trial.

    :ivar group: of the trial that was there last: another of that group has its data ready.
    """

    name: str
    group: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class Executor(Protocol):
    """Where trials run. Only `poll` waits; what happens is told to the `Emit` it was made with."""

    def free(self) -> Sequence[Slot]:
        """Slots that could take a trial now."""

    def prepare(self, slot: Slot, group: str, trial: str) -> None:
        """Have the data and the evaluator of a trial's group ready; ``prepared`` or ``lost`` follows."""

    def submit(self, slot: Slot, order: Order) -> None:
        """Begin a trial; ``ended``, ``storage`` or ``lost`` follows."""

    def poll(self, seconds: float) -> None:
        """Wait until something happens, at most this long, and tell of it."""

    def stop(self, trial: str) -> None:
        """Ask a trial to save its state and end as ``interrupted``."""

    def kill(self, trial: str, ending: Ending) -> None:
        """End a trial (or a group's preparation) with everything that it started; ``lost`` follows."""

    def close(self) -> None:
        """End every process."""
