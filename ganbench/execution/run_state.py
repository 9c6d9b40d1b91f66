"""How far a run is: its trials, those that run, and who runs them."""

from __future__ import annotations

from dataclasses import dataclass, field

#: The states of a planned trial, in the order of `ganbench status`.
STATES = ("done", "running", "failed", "interrupted", "waiting", "skipped")


@dataclass(frozen=True)
class TrialState:
    """A trial that is not running.

    :ivar label: its components and its seed.
    :ivar state: one of `STATES`.
    :ivar status: of its row; None without one.
    :ivar error: why it failed or was skipped.
    :ivar attempts: how often it was started.
    :ivar samples_note: what makes its samples no result.
    """

    trial: str
    label: str
    seed: int | None
    state: str
    status: str | None = None
    error: str | None = None
    attempts: int = 0
    samples_note: str | None = None


@dataclass(frozen=True)
class RunningTrial:
    """A trial that is running; unknown values are None.

    :ivar phase: ``starting``, ``training`` or ``evaluating``.
    :ivar share: of its budget, 0 to 1.
    :ivar quality: the primary metric at the last tick, ``metric`` its name.
    :ivar seconds_left: until its budget is used up.
    :ivar since: when this attempt began, ISO 8601.
    :ivar owner: the supervisor.
    :ivar planned: whether the newest grid has it.
    """

    trial: str
    label: str
    seed: int | None
    attempt: int | None
    phase: str
    share: float | None
    steps: int | None
    images: int | None
    images_per_second: float | None
    d_loss: float | None
    g_loss: float | None
    quality: float | None
    metric: str
    seconds_left: float | None
    since: str | None
    owner: str
    planned: bool


@dataclass(frozen=True)
class SupervisorState:
    """Who runs trials; unknown values are None.

    :ivar started: ISO 8601.
    :ivar preparing: whether it still loads data and computes features, before its first trial.
    :ivar jobs: how many trials it runs at a time.
    :ivar age: seconds since its last heartbeat, by this machine's clock and that of the folder.
    :ivar here: whether it runs on this machine, which makes it certain that it lives.
    """

    owner: str
    host: str
    pid: int | None
    started: str | None
    executor: str
    jobs: int | None
    stopping: bool
    preparing: bool
    seconds_left: float | None
    age: float | None
    here: bool


@dataclass(frozen=True)
class RunState:
    """How far a run has come.

    :ivar trials: the planned trials that do not run.
    :ivar beside: trials in the folder that the newest grid does not have.
    :ivar problems: a sentence for each file that is damaged.
    """

    trials: list[TrialState]
    running: list[RunningTrial]
    supervisors: list[SupervisorState]
    beside: int
    problems: list[str] = field(default_factory=list)

    def having(self, state: str) -> list[TrialState]:
        return [trial for trial in self.trials if trial.state == state]

    @property
    def counts(self) -> dict[str, int]:
        """How many planned trials are in each of `STATES`."""
        counts = dict.fromkeys(STATES, 0)
        for trial in self.trials:
            counts[trial.state] += 1
        return counts | {"running": sum(trial.planned for trial in self.running)}

    @property
    def total(self) -> int:
        """Planned trials that can be trained."""
        counts = self.counts
        return sum(counts.values()) - counts["skipped"]

    @property
    def seconds_left(self) -> float | None:
        """Until all is done; None if no supervisor knows.

        Each supervisor estimates its time alone; together they are faster.
        """
        known = [s.seconds_left for s in self.supervisors if s.seconds_left is not None]
        if not known:
            return None
        return 1 / sum(1 / left for left in known) if min(known) > 0 else 0.0
