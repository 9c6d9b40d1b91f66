"""What a run folder tells about its run, while it goes on and afterwards. Writes nothing.

All of it was written by other processes, maybe on other machines, maybe cut off in the middle: what
does not read as it should is missing, and never an error.
"""

from __future__ import annotations

import math
import os
import re
import socket
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ganbench.results.files import decode
from ganbench.results.frames import read_rows
from ganbench.results.primary import PRIMARY
from ganbench.results.schema import AXES, ENDED_WELL, coerce
from ganbench.results.store import RunFolder, TrialFolder

#: What may become of a planned trial, in the order in which it is told.
STATES = ("done", "running", "failed", "interrupted", "waiting", "skipped")
_COLUMNS = ("trial", "status", "error", "seed", "attempts", *AXES)
_SEED = re.compile(r"-s(\d+)-[^-]*\Z")


@dataclass(frozen=True)
class TrialState:
    """A trial that is not running.

    :ivar label: its components and its seed.
    :ivar state: one of `STATES`.
    :ivar status: of its row; None without one.
    :ivar error: why it failed or was skipped.
    :ivar attempts: how often it was started.
    """

    trial: str
    label: str
    seed: int | None
    state: str
    status: str | None = None
    error: str | None = None
    attempts: int = 0


@dataclass(frozen=True)
class RunningTrial:
    """A trial that is running; what is not known is None.

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
    """Who runs trials; what is not known is None.

    :ivar started: ISO 8601.
    :ivar jobs: how many trials it runs at a time.
    :ivar age: seconds since its last sign of life, by this machine's clock and that of the folder.
    :ivar here: whether it runs on this machine, so that it lives for certain.
    """

    owner: str
    host: str
    pid: int | None
    started: str | None
    executor: str
    jobs: int | None
    stopping: bool
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
        """The trials in a state other than ``running``."""
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

        Each supervisor tells how long it would take on its own, and together they are faster.
        """
        known = [s.seconds_left for s in self.supervisors if s.seconds_left is not None]
        if not known:
            return None
        return 1 / sum(1 / left for left in known) if min(known) > 0 else 0.0


def look(run: RunFolder) -> RunState:
    """Read how far the run in a folder has come."""
    from ganbench.execution.claims import living_supervisors

    problems: list[str] = []
    # Signs of life come first: a trial that ends meanwhile is then seen to have ended.
    documents = living_supervisors(run)
    supervisors = [_supervisor(run, document) for document in documents]
    plan = run.read_plan()
    rows = {str(row["trial"]): row for row in read_rows(run, _COLUMNS, problems)}
    folders = set(run.trial_ids())
    planned = plan or dict.fromkeys(sorted(folders | set(rows)), "")
    found = (trial for document in documents for trial in _running(document, planned))
    found = (t for t in found if not _has_ended(run, t, folders))
    running = {trial.trial: trial for trial in found}
    trials = []
    for trial_id, label in planned.items():
        if trial_id not in running:
            folder = run.trial(trial_id) if trial_id in folders else None
            trials.append(_state(trial_id, label, rows.get(trial_id), folder, bool(documents)))
    where = str(run.trials_dir)
    for trial in trials:
        if trial.state == "done" and _suspicious(f"{where}/{trial.trial}"):
            problems += run.trial(trial.trial).damaged()
    beside = len((folders | set(rows)) - set(planned))
    return RunState(trials, list(running.values()), supervisors, beside, problems)


def look_at(run: RunFolder, trial: TrialFolder) -> tuple[str | None, bool, bool]:
    """The status of one trial's row, whether it is running, and whether anybody runs trials."""
    from ganbench.execution.claims import living_supervisors

    documents = living_supervisors(run)
    row = trial.read_row()
    found = [t for document in documents for t in _running(document, {}) if t.trial == trial.id]
    running = any(not _has_ended(run, t, [trial.id]) for t in found)
    return None if row is None else row["status"], running, bool(documents)


def _state(
    trial_id: str,
    label: str,
    row: Mapping[str, Any] | None,
    folder: TrialFolder | None,
    someone_runs: bool,
) -> TrialState:
    """What became of a trial that does not run."""
    status = None if row is None else str(row["status"])
    state, attempts = _state_of(status), 0
    if folder is not None and state not in ("done", "skipped"):
        records = folder.read_attempts()
        attempts = sum(record.get("event") == "started" for record in records)
        # Cut off without a word, unless a supervisor that lives is about to begin it.
        if attempts and status is None and not someone_runs:
            state = "interrupted"
    told = _whole(row.get("attempts")) if row is not None else None
    seed = _whole(row.get("seed")) if row is not None else None
    return TrialState(
        trial_id,
        label or _label(trial_id, row, folder),
        _seed(trial_id) if seed is None else seed,
        state,
        status,
        _text(row.get("error")) if row is not None else None,
        attempts or told or int(row is not None and state != "skipped"),
    )


def _state_of(status: str | None) -> str:
    if status is None:
        return "waiting"
    if status in ("interrupted", "skipped"):
        return status
    return "done" if status in ENDED_WELL else "failed"


def _running(document: Mapping[str, Any], planned: Mapping[str, str]) -> Iterator[RunningTrial]:
    """The trials that a supervisor says it runs."""
    told = _mapping(document.get("state")).get("running")
    for entry in map(_mapping, told if isinstance(told, list) else []):
        trial_id = _text(entry.get("trial"))
        if trial_id is None:
            continue
        numbers = {name: _number(entry.get(name)) for name in _NUMBERS}
        label, seed = _text(entry.get("label")), _whole(entry.get("seed"))
        yield RunningTrial(
            trial=trial_id,
            label=planned.get(trial_id) or (f"{label} seed {seed}" if label else trial_id),
            seed=_seed(trial_id) if seed is None else seed,
            attempt=_whole(entry.get("attempt")),
            phase=_text(entry.get("phase")) or "starting",
            steps=_whole(entry.get("steps")),
            images=_whole(entry.get("images")),
            metric=_text(entry.get("metric")) or PRIMARY,
            since=_text(entry.get("since")),
            owner=_text(document.get("owner")) or "",
            planned=trial_id in planned,
            **numbers,
        )


_NUMBERS = ("share", "images_per_second", "d_loss", "g_loss", "quality", "seconds_left")


def _has_ended(run: RunFolder, trial: RunningTrial, folders: Collection[str]) -> bool:
    """Whether the attempt is over, of which its supervisor has not told yet."""
    if trial.attempt is None or trial.trial not in folders:
        return False
    return any(
        record.get("event") == "ended" and (_whole(record.get("attempt")) or 0) >= trial.attempt
        for record in run.trial(trial.trial).read_attempts()
    )


def _supervisor(run: RunFolder, document: Mapping[str, Any]) -> SupervisorState:
    state = _mapping(document.get("state"))
    owner, host = _text(document.get("owner")) or "", _text(document.get("host")) or ""
    return SupervisorState(
        owner=owner,
        host=host,
        pid=_whole(document.get("pid")),
        started=_text(state.get("started")),
        executor=_text(state.get("executor")) or "",
        jobs=_whole(state.get("jobs")),
        stopping=state.get("stopping") is True,
        seconds_left=_number(state.get("seconds_left")),
        age=_age(run, owner),
        here=host == socket.gethostname(),
    )


def _age(run: RunFolder, owner: str) -> float | None:
    try:
        changed = _changed(str(run.supervisors_dir / f"{owner}.json"))
    except ValueError:  # no name for a file
        return None
    return None if changed is None else max(0.0, time.time() - changed)


def _suspicious(folder: str) -> bool:
    """Whether a file of a finished trial is younger than what was noted of it.

    To read all files of a large run would take long, and a run does so before it goes on.
    """
    names = ("digests.json", "row.json", "history.csv", "samples.png", "progress.png")
    sealed, row, *others = (_changed(f"{folder}/{name}") for name in names)
    if sealed is None or row is None:
        return False
    return row > sealed + _SEALING or any(age is not None and age > row for age in others)


_SEALING = 2.0  # seconds between the digests and the row


def _changed(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def _label(trial_id: str, row: Mapping[str, Any] | None, folder: TrialFolder | None) -> str:
    """Components and seed of a trial that no plan names."""
    source = row
    if source is None and folder is not None:
        identity = folder.read_identity() or {}
        source = {**_mapping(identity.get("columns")), "seed": identity.get("seed")}
    specs = _specs(source or {})
    return f"{' × '.join(specs)} seed {(source or {}).get('seed')}" if specs else trial_id


def _specs(source: Mapping[str, Any]) -> list[str]:
    found: Iterable[str | None] = (_text(source.get(axis)) for axis in AXES)
    return [spec for spec in found if spec and spec != "none"]


def _seed(trial_id: str) -> int | None:
    match = _SEED.search(trial_id)
    return None if match is None else int(match[1])


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    # Lone surrogates, which JSON can hold, could not be printed.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    try:
        number = coerce(decode(value), "float64")
    except TypeError:
        return None
    return number if number is not None and math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
