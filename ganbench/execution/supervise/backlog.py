"""Which trial is next: trials of a group follow each other on a worker, which has their data."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ganbench.execution.supervise.messages import Status
from ganbench.grid.cell import Cell, Trial


@dataclass(eq=False)
class Job:
    """A trial on its way to its row.

    :ivar number: its place in the run, from 1.
    :ivar stamp: the state of its row.json when the run began.
    :ivar restart: whether it begins at its start, and its files are set aside.
    :ivar base: the id of a finished trial of a smaller budget to go on from; empty for none.
    :ivar failures: attempts that failed.
    :ivar strikes: deaths from outside since its checkpoint last moved on.
    :ivar checkpoint: the newest checkpoint when its process last died.
    :ivar since: when the attempt was handed to a worker, ISO 8601.
    :ivar began: monotonic time at which its process took it up; None before.
    :ivar threads: CPU threads of its process; None before.
    :ivar killed: whether it was ended for taking too long.
    """

    trial: Trial
    number: int
    stamp: list[int] | None = None
    restart: bool = False
    base: str = ""
    attempt: int = 0
    failures: int = 0
    strikes: int = 0
    checkpoint: str = ""
    status: Status = field(default_factory=Status)
    since: str = ""
    began: float | None = None
    device: str | None = None
    threads: int | None = None
    killed: bool = False

    @property
    def id(self) -> str:
        return self.trial.id

    @property
    def group(self) -> str:
        return group_of(self.trial.cell)

    @property
    def name(self) -> str:
        """Its components and seed, for a person."""
        return f"{self.trial.cell.label} seed {self.trial.seed}"

    def state(self) -> dict[str, Any]:
        """What others may know of it while it runs."""
        status, seconds = self.status, self.status.train_seconds
        return {
            "trial": self.id,
            "label": self.trial.cell.label,
            "seed": self.trial.seed,
            "attempt": self.attempt,
            **vars(status),
            "images_per_second": status.images / seconds if seconds else None,
            "since": self.since,
        }


class Backlog:
    def __init__(self, jobs: Iterable[Job]) -> None:
        self._groups: dict[str, deque[Job]] = {}
        for job in jobs:
            self._groups.setdefault(job.group, deque()).append(job)

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._groups.values())

    def next(self, group: str, busy: Iterable[str] = ()) -> Job | None:
        """A job for a worker that has the data of ``group``.

        :param busy: the groups of other workers; choosing another one saves loading data twice.
        """
        workers = Counter(busy)
        waiting = [name for name, jobs in self._groups.items() if jobs]
        if not waiting:
            return None
        chosen = group if group in waiting else min(waiting, key=lambda name: workers[name])
        return self._groups[chosen].popleft()

    def put_back(self, job: Job) -> None:
        """The job is to be tried again before the others of its group."""
        self._groups.setdefault(job.group, deque()).appendleft(job)

    def clear(self) -> None:
        self._groups.clear()


def group_of(cell: Cell) -> str:
    """What trials with the same data and the same evaluator have in common."""
    return ", ".join(one.spec for one in (cell.dataset, *cell.extractors))


class Jobs:
    """The jobs of a run: those that wait, those that run here, and those that another run trains."""

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self.waiting = Backlog(jobs)
        self.running: dict[str, Job] = {}
        self.elsewhere: dict[str, Job] = {}

    def __bool__(self) -> bool:
        return bool(len(self.waiting) or self.running or self.elsewhere)
