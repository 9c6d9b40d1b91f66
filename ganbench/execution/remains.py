"""What a run folder holds already, next to what a grid asks for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganbench.errors import StorageError
from ganbench.grid.cell import Trial
from ganbench.registry.sources import changed_sources
from ganbench.results.files import decode, encode
from ganbench.results.schema import ENDED_WELL, FINISHED
from ganbench.results.store import RunFolder

#: Folder within a run folder for what was trained again.
SET_ASIDE = "set-aside"
_SHOWN = 8
_NAMED = 3


class Remains:
    """Tells trials that are done from those that are not, and finds what is damaged.

    :param trials: all trials of the grid.
    :param keep_results: take results of a component's earlier code for those of its present code.
    """

    def __init__(
        self, folder: RunFolder, trials: Sequence[Trial], keep_results: bool = False
    ) -> None:
        self._folder, self._trials, self._keep = folder, trials, keep_results
        self._problems: list[str] = []
        self._to_mend: list[Trial] = []
        self._outdated: dict[tuple[str, ...], list[str]] = {}

    def outdated(self, trial: Trial) -> bool:
        """Whether what is there of the trial is of code that was edited since.

        Such a trial begins at its start. Trials without a recorded code count as they are.
        """
        folder = self._folder.trial(trial.id)
        then = (folder.read_identity() or {}).get("sources")
        if then is None:  # the file is gone or damaged; the row says what it was trained with
            then = code_of(folder.read_row())
        changed = tuple(changed_sources(then, trial.cell.sources))
        if not changed or not (folder.row_stamp() or folder.checkpoint_dir.is_dir()):
            return False
        self._outdated.setdefault(changed, []).append(trial.id)
        if self._keep:
            self._to_mend.append(trial)
        return not self._keep

    def to_train(self, trial: Trial, retry_failed: bool) -> bool:
        """Whether the trial has no final row, or one that cannot be trusted."""
        folder = self._folder.trial(trial.id)
        row = folder.read_row(self._problems)
        status = None if row is None else row["status"]
        if status not in FINISHED or status == "skipped":  # a mended plugin lifts a skip
            return True
        if status not in ENDED_WELL and retry_failed:
            return True
        self._check_identity(trial)
        damaged = folder.damaged()
        self._problems += damaged
        return bool(damaged)

    def mend(self) -> None:
        """Write anew what is known without training."""
        for trial in self._to_mend:
            self._folder.trial(trial.id).write_identity(trial.identity())

    def notices(self) -> list[str]:
        """What a person should know of the folder before it is used."""
        shown = self._problems[:_SHOWN]
        if len(self._problems) > _SHOWN:
            shown.append(f"and {len(self._problems) - _SHOWN} more files are damaged")
        return [*shown, *self._edits(), *self._relatives()]

    def _edits(self) -> Iterator[str]:
        for components, trials in self._outdated.items():
            who = f"{' and '.join(components)} {'was' if len(components) == 1 else 'were'} edited"
            many = f"{len(trials)} trial{'s' if len(trials) > 1 else ''}"
            listed = ", ".join(trials[:_NAMED]) + (", …" if len(trials) > _NAMED else "")
            if self._keep:
                yield f"{who}; the results of {many} are kept on request: {listed}"
            else:
                yield (
                    f"{who}: {many} of the earlier code will be trained again, and what is there moves "
                    f"to {SET_ASIDE}: {listed} (--keep-results keeps it, for a change of comments)"
                )

    def _check_identity(self, trial: Trial) -> None:
        folder = self._folder.trial(trial.id)
        then, now = folder.read_identity(), decode(encode(trial.identity()))
        if then == now:
            return
        self._to_mend.append(trial)
        # Where no code was recorded, or its source was lost, it is noted from here on.
        if _without_sources(then) != _without_sources(now):
            self._problems.append(
                f"{folder.trial_json} does not say what the trial is; it is written anew"
            )

    def _relatives(self) -> list[str]:
        """Trials beside the grid's that differ from them in versions or settings only."""
        planned = {trial.id for trial in self._trials}
        names = {_name(trial.cell.columns, trial.seed): trial for trial in self._trials}
        changes: Counter[str] = Counter()
        for other in self._folder.trials():
            identity = other.read_identity() if other.id not in planned else None
            if identity is None:
                continue
            now = names.get(_name(identity.get("columns") or {}, identity.get("seed")))
            if now is not None:
                changes[_difference(identity, now)] += 1
        return [
            f"{count} earlier trial{'s' if count > 1 else ''} of the same components beside this "
            f"grid's: {what}. Their rows stay, and the grid's trials are trained on their own"
            for what, count in changes.items()
        ]


def code_of(row: Mapping[str, Any] | None) -> Any:
    """Component -> digest of its code as a row records it; None where it records none."""
    try:
        return json.loads((row or {}).get("sources") or "null")
    except (TypeError, ValueError):
        return None


def write_skipped(trial: Trial, folder: RunFolder) -> None:
    """The row of a trial whose cell cannot work."""
    from ganbench.execution.trial import base_row

    place = folder.trial(trial.id)
    row = place.read_row()
    if row is not None and (row["status"], row["error"]) == ("skipped", trial.cell.reason):
        return
    place.write_identity(trial.identity())
    place.write_row(base_row(trial) | {"status": "skipped", "error": trial.cell.reason})


def set_aside(folder: RunFolder, trial_id: str) -> None:
    """Move what is there of a trial to ``set-aside``, for it to begin anew; the row goes first.

    Whoever calls it holds the claim on the trial, whose files stay.
    """
    place = folder.trial(trial_id)
    number = sum(path.name.startswith(trial_id) for path in _set_aside_before(folder))
    target = folder.path / SET_ASIDE / f"{trial_id}.{number}"
    kept = [path for path in place.path.glob("*") if not path.name.startswith("claim-")]
    try:
        for path in sorted(kept, key=lambda path: path.name != place.row_json.name):
            target.mkdir(parents=True, exist_ok=True)
            path.rename(target / path.name)
    except OSError as error:
        raise StorageError(f"cannot move {place.path} to {target}: {error.strerror}") from None


def _set_aside_before(folder: RunFolder) -> list[Path]:
    return list((folder.path / SET_ASIDE).glob("*"))


def _without_sources(identity: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (identity or {}).items() if key != "sources"}


def _name(columns: Mapping[str, Any], seed: Any) -> str:
    return repr((sorted(columns.items()), seed))


def _difference(then: Mapping[str, Any], trial: Trial) -> str:
    """In what a trial differs from one of the same components."""
    now = decode(encode(trial.identity()))
    if then.get("protocol") != now["protocol"]:
        return f"they are of protocol {then.get('protocol')}, now {now['protocol']}"
    if then.get("providers") != now["providers"]:
        return f"they are of {then.get('providers')}, now {now['providers']}"
    parts = ("budget", "training", "evaluation", "dataset", "architecture", "loss")
    changed = [part for part in parts if then.get(part) != now[part]]
    return f"they differ in {', '.join(changed) or 'their options'}"
