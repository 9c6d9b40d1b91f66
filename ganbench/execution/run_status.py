"""Read how far a run is, while it goes on and afterwards; writes nothing.

Other processes wrote all of it, maybe on other machines, and files may be cut off or damaged: an odd
value counts as missing.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
import socket
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

from ganbench.base.files import decode
from ganbench.execution.run_state import RunningTrial, RunState, SupervisorState, TrialState
from ganbench.execution.share.heartbeat import living_supervisors
from ganbench.store.display_names import display_name, read_names
from ganbench.store.primary import PRIMARY
from ganbench.store.results_table import read_rows
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import AXES, ENDED_WELL, coerce
from ganbench.store.trial_folder import TrialFolder

_COLUMNS = ("trial", "status", "error", "seed", "attempts", "samples_note", *AXES)
_SEED = re.compile(r"-s(\d+)-[^-]*\Z")
_DIGESTS_TO_ROW = 2.0  # seconds that a trial needs at most between writing these files
_State = TypeVar("_State", RunningTrial, SupervisorState)


class _Fields:
    """The fields of a document; None for what is missing or odd.

    :param document: a mapping; anything else counts as an empty one.
    """

    def __init__(self, document: Any) -> None:
        self._document = document if isinstance(document, Mapping) else {}

    def mapping(self, name: str) -> _Fields:
        return _Fields(self._document.get(name))

    def mappings(self, name: str) -> list[_Fields]:
        found = self._document.get(name)
        return [_Fields(one) for one in found] if isinstance(found, list) else []

    def text(self, name: str) -> str | None:
        """A text that can be printed, which lone surrogates of JSON cannot."""
        value = self._document.get(name)
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None

    def number(self, name: str) -> float | None:
        """A finite number."""
        try:
            number = coerce(decode(self._document.get(name)), "float64")
        except TypeError:
            return None
        return number if number is not None and math.isfinite(number) else None

    def whole(self, name: str) -> int | None:
        number = self.number(name)
        return None if number is None else int(number)

    def fill(self, kind: type[_State], **known: Any) -> _State:
        """A state with the fields of this document beside the known ones."""
        readers = {
            "str | None": self.text,
            "int | None": self.whole,
            "float | None": self.number,
            "bool": lambda name: self._document.get(name) is True,
        }
        names = {one.name: str(one.type) for one in dataclasses.fields(kind)}
        read: dict[str, Any] = {
            name: readers[names[name]](name) for name in names.keys() - known.keys()
        }
        return kind(**known, **read)


def look(run: RunFolder) -> RunState:
    """Read how far the run in a folder is."""
    problems: list[str] = []
    # Heartbeats come first: a trial that ends meanwhile is then seen to have ended.
    heartbeats = [_Fields(document) for document in living_supervisors(run)]
    supervisors = [_supervisor(run, heartbeat) for heartbeat in heartbeats]
    plan = run.read_plan()
    rows = {str(row["trial"]): row for row in read_rows(run, _COLUMNS, problems)}
    folders, names = set(run.trial_ids()), read_names(run.grid_file)
    planned = plan or dict.fromkeys(sorted(folders | set(rows)), "")
    running = {
        trial.trial: trial
        for heartbeat in heartbeats
        for trial in _running(heartbeat, planned)
        if not _has_ended(run, trial, folders)
    }
    trials = []
    for trial_id, label in planned.items():
        if trial_id not in running:
            folder = run.trial(trial_id) if trial_id in folders else None
            label = label or _label(trial_id, rows.get(trial_id), folder, names)
            trials.append(_state(trial_id, label, rows.get(trial_id), folder, bool(heartbeats)))
    for trial in trials:
        if trial.state == "done" and _suspicious(f"{run.trials_dir}/{trial.trial}"):
            problems += run.trial(trial.trial).damaged()
    beside = len((folders | set(rows)) - set(planned))
    return RunState(trials, list(running.values()), supervisors, beside, problems)


def look_at(run: RunFolder, trial: TrialFolder) -> tuple[str | None, bool, bool]:
    """The status of one trial's row, whether it is running, and whether anybody runs trials."""
    heartbeats = [_Fields(document) for document in living_supervisors(run)]
    row = trial.read_row()
    found = [t for heartbeat in heartbeats for t in _running(heartbeat, {}) if t.trial == trial.id]
    running = any(not _has_ended(run, t, [trial.id]) for t in found)
    return None if row is None else row["status"], running, bool(heartbeats)


def _state(
    trial_id: str,
    label: str,
    row: Mapping[str, Any] | None,
    folder: TrialFolder | None,
    someone_runs: bool,
) -> TrialState:
    """The state of a trial that does not run."""
    status = None if row is None else str(row["status"])
    state, attempts = _state_of(status), 0
    if folder is not None and state not in ("done", "skipped"):
        records = folder.read_attempts()
        attempts = sum(record.get("event") == "started" for record in records)
        # Its process died, unless a supervisor that lives is about to begin it.
        if attempts and status is None and not someone_runs:
            state = "interrupted"
    fields = _Fields(row)
    seed = fields.whole("seed")
    return TrialState(
        trial_id,
        label,
        _seed(trial_id) if seed is None else seed,
        state,
        status,
        fields.text("error"),
        attempts or fields.whole("attempts") or int(row is not None and state != "skipped"),
        fields.text("samples_note"),
    )


def _state_of(status: str | None) -> str:
    if status is None:
        return "waiting"
    if status in ("interrupted", "skipped"):
        return status
    return "done" if status in ENDED_WELL else "failed"


def _running(heartbeat: _Fields, planned: Mapping[str, str]) -> Iterator[RunningTrial]:
    """The trials that a supervisor says it runs."""
    for entry in heartbeat.mapping("state").mappings("running"):
        trial_id = entry.text("trial")
        if trial_id is None:
            continue
        label, seed = entry.text("label"), entry.whole("seed")
        yield entry.fill(
            RunningTrial,
            trial=trial_id,
            label=planned.get(trial_id) or (f"{label} seed {seed}" if label else trial_id),
            seed=_seed(trial_id) if seed is None else seed,
            phase=entry.text("phase") or "starting",
            metric=entry.text("metric") or PRIMARY,
            owner=heartbeat.text("owner") or "",
            planned=trial_id in planned,
        )


def _has_ended(run: RunFolder, trial: RunningTrial, folders: Collection[str]) -> bool:
    """Whether the attempt is over, which its supervisor has not said yet."""
    if trial.attempt is None or trial.trial not in folders:
        return False
    return any(
        record.get("event") == "ended" and (_Fields(record).whole("attempt") or 0) >= trial.attempt
        for record in run.trial(trial.trial).read_attempts()
    )


def _supervisor(run: RunFolder, heartbeat: _Fields) -> SupervisorState:
    state = heartbeat.mapping("state")
    owner, host = heartbeat.text("owner") or "", heartbeat.text("host") or ""
    changed = _changed(str(run.supervisors_dir / f"{owner}.json"))
    return state.fill(
        SupervisorState,
        owner=owner,
        host=host,
        pid=heartbeat.whole("pid"),
        executor=state.text("executor") or "",
        age=None if changed is None else max(0.0, time.time() - changed),
        here=host == socket.gethostname(),
    )


def _suspicious(folder: str) -> bool:
    """Whether a file of a finished trial is younger than its digest.

    Reading all files of a large run takes long, and a run does so before it continues.
    """
    names = ("digests.json", "row.json", "history.csv", "samples.png", "progress.png")
    digests, row, *others = (_changed(f"{folder}/{name}") for name in names)
    if digests is None or row is None:
        return False
    return row > digests + _DIGESTS_TO_ROW or any(one is not None and one > row for one in others)


def _changed(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime
    except (OSError, ValueError):  # the second for an owner that cannot name a file
        return None


def _label(
    trial_id: str,
    row: Mapping[str, Any] | None,
    folder: TrialFolder | None,
    names: Mapping[str, str],
) -> str:
    """Components and seed of a trial that no plan names."""
    source, seed = _Fields(row), (row or {}).get("seed")
    if row is None and folder is not None:
        identity = folder.read_identity() or {}
        source, seed = _Fields(identity).mapping("columns"), identity.get("seed")
    specs = [spec for axis in AXES if (spec := source.text(axis)) and spec != "none"]
    shown = [display_name(spec, names) for spec in specs]
    return f"{' × '.join(shown)} seed {seed}" if shown else trial_id


def _seed(trial_id: str) -> int | None:
    match = _SEED.search(trial_id)
    return None if match is None else int(match[1])
