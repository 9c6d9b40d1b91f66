"""Earlier trials of a run folder: which of them a grid still has to train."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ganbench.base.errors import StorageError
from ganbench.base.text import counted, plain
from ganbench.execution.threads import PLACE
from ganbench.grid.cell import Trial
from ganbench.grid.recognition import changes, completed, holds
from ganbench.registry.sources import changed_sources
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import ENDED_WELL, FINISHED, mapping
from ganbench.store.trial_folder import TrialFolder
from ganbench.training.row_builder import RowBuilder

#: Folder within a run folder for what was trained again.
SET_ASIDE = "set-aside"
#: Differences that ``--extend`` may overcome, and the hint.
_EXTENDABLE = ("they differ in budget", "they differ in budget, evaluation")
_EXTEND = "; --extend goes on from smaller budgets where that gives the same"
_SHOWN, _NAMED, _DIFFERENCES = 8, 3, 8  # damaged files, trials, differences that a message names


class EarlierTrials:
    """Finds finished, outdated and damaged trials.

    :param trials: all trials of the grid.
    :param keep_results: whether results of a component's earlier code count.
    :ivar continued: ids of trials that trials of a larger budget go on from.
    """

    def __init__(
        self, folder: RunFolder, trials: Sequence[Trial], keep_results: bool = False
    ) -> None:
        self._folder, self._keep = folder, keep_results
        self._problems: list[str] = []
        self._outdated: dict[tuple[str, ...], list[str]] = {}
        self._trials = trials
        self._contradictions: dict[str, list[str]] = defaultdict(list)
        self._kept: Counter[str] = Counter()
        self._wrong: list[str] = []
        self._to_repair: list[tuple[TrialFolder, dict[str, Any]]] = []
        self.continued: set[str] = set()

    def outdated(self, trial: Trial) -> bool:
        """Whether the folder has the trial with other values, or from code that was edited since.

        Such a trial starts from the beginning. Trials without a recorded code count.
        """
        folder = self._folder.trial(trial.id)
        if not (folder.row_stamp() or folder.checkpoint_dir.is_dir()):
            return False
        if self._contradicts(trial):
            return True
        then = (folder.read_identity() or {}).get("sources")
        if then is None:  # the row records the code too
            then = code_of(folder.read_row())
        changed = tuple(changed_sources(then, trial.cell.sources))
        if not changed:
            return False
        self._outdated.setdefault(changed, []).append(trial.id)
        return not self._keep

    def to_train(self, trial: Trial, retry_failed: bool) -> bool:
        """Whether the trial has no final row, or damaged files."""
        folder = self._folder.trial(trial.id)
        row = folder.read_row(self._problems)
        status = None if row is None else row["status"]
        if status not in FINISHED or status == "skipped":  # a repaired plugin lifts a skip
            return True
        if status not in ENDED_WELL and retry_failed:
            return True
        if row is not None:
            self._check(trial, row)
        damaged = folder.damaged()
        self._problems += damaged
        return bool(damaged)

    def repair(self) -> None:
        """Write the records that lack something."""
        for place, record in self._to_repair:
            place.write_identity(record)

    def notices(self) -> list[str]:
        """Sentences for the person, before the run uses the folder."""
        shown = self._problems[:_SHOWN]
        if len(self._problems) > _SHOWN:
            shown.append(f"and {len(self._problems) - _SHOWN} more files are damaged")
        return [*shown, *self._edits(), *self._records()]

    def _edits(self) -> Iterator[str]:
        for components, trials in self._outdated.items():
            who = f"{' and '.join(components)} {'was' if len(components) == 1 else 'were'} edited"
            many, names = counted(len(trials), "trial"), _listed(trials)
            if self._keep:
                yield f"{who}; the results of {many} are kept on request: {names}"
            else:
                yield (
                    f"{who}: {many} of the earlier code will be trained again, and {SET_ASIDE} keeps "
                    f"the earlier files: {names} (--keep-results: after a change of comments only)"
                )

    def _contradicts(self, trial: Trial) -> bool:
        """Whether what is there was trained with other values than the grid asks for.

        An option's default may have changed: then equal ids stand for other values. A trial that
        another version began does not go on either, since a row must not be a mixture.
        """
        place = self._folder.trial(trial.id)
        record = place.read_identity()
        if record is None:
            return False
        changed = changes(record, trial)
        versions = _versions(record, trial)
        if not changed and versions:
            if (place.read_row() or {}).get("status") in FINISHED:
                self._kept[versions] += 1
            else:
                changed = [versions]
        if changed:
            self._contradictions[_all_of(changed)].append(trial.id)
        return bool(changed)

    def _check(self, trial: Trial, row: Mapping[str, Any]) -> None:
        """Note what the record of a finished trial lacks."""
        place = self._folder.trial(trial.id)
        then, now = place.read_identity(), completed(trial, row)
        if row.get("threads") is not None:
            now[PLACE] = {"threads": row["threads"], "device": row["device"]}
        if then == now:
            return
        self._to_repair.append((place, now))
        # An earlier version records less, and code has other digests than it had then.
        if then is None or not holds(now, {k: v for k, v in then.items() if k != "sources"}):
            self._wrong.append(f"{place.trial_json} does not match the trial; it is replaced")

    def _records(self) -> Iterator[str]:
        yield from self._wrong
        for what, trials in self._contradictions.items():
            yield (
                f"{what}: {counted(len(trials), 'trial')} will be trained again, and {SET_ASIDE} "
                f"keeps the earlier files: {_listed(trials)}"
            )
        for versions, count in self._kept.items():
            yield (
                f"{versions}: the results of {counted(count, 'trial')} are kept, since no component has "
                "another recipe (--rerun COMPONENT trains its trials again)"
            )
        yield from self._relatives()

    def _relatives(self) -> Iterator[str]:
        """Trials beside the grid's that have the same components."""
        ids = {trial.id for trial in self._trials} | self.continued
        names = {_name(trial.cell.columns, trial.seed): trial for trial in self._trials}
        found: dict[str, list[Trial]] = defaultdict(list)
        for other in self._folder.trials():
            record = other.read_identity() if other.id not in ids else None
            if record is None:
                continue
            now = names.get(_name(record.get("columns") or {}, record.get("seed")))
            if now is not None:
                found[_difference(record, now)].append(now)
        for what, trials in found.items():
            named = [f"{plain(trial.cell.label)} seed {trial.seed}" for trial in trials]
            yield (
                f"{counted(len(trials), 'earlier trial')} of the same components beside this grid's: "
                f"{what}. Their rows stay, and the grid's trials are trained on their own: "
                f"{_listed(named)}" + (_EXTEND if what in _EXTENDABLE else "")
            )


def code_of(row: Mapping[str, Any] | None) -> dict[str, Any]:
    """Component -> digest of its code, from a row; empty if the row has no such record."""
    return mapping((row or {}).get("sources"))


def write_skipped(trial: Trial, folder: RunFolder) -> None:
    """Write the row of a trial whose cell cannot work."""
    place = folder.trial(trial.id)
    row = place.read_row()
    if row is not None and (row["status"], row["error"]) == ("skipped", trial.cell.reason):
        return
    place.write_identity(trial.identity())
    place.write_row(RowBuilder(trial).skipped())


def set_aside(folder: RunFolder, trial_id: str) -> None:
    """Move a trial's files to ``set-aside``, row first. The trial then starts from the beginning.

    The caller holds the trial's lease; lease files stay.
    """
    place = folder.trial(trial_id)
    number = len(list((folder.path / SET_ASIDE).glob(f"{trial_id}*")))
    target = folder.path / SET_ASIDE / f"{trial_id}.{number}"
    kept = [path for path in place.path.glob("*") if not path.name.startswith("claim-")]
    try:
        for path in sorted(kept, key=lambda path: path.name != place.row_json.name):
            target.mkdir(parents=True, exist_ok=True)
            path.rename(target / path.name)
    except OSError as error:
        raise StorageError(f"cannot move {place.path} to {target}: {error.strerror}") from None


def _listed(trials: Sequence[str]) -> str:
    """The first ids."""
    return ", ".join(trials[:_NAMED]) + (", …" if len(trials) > _NAMED else "")


def _all_of(changed: Sequence[str]) -> str:
    """All that differs; of very much, how many more."""
    more = len(changed) - _DIFFERENCES
    return "; ".join([*changed[:_DIFFERENCES], *([f"and {more} more"] if more > 0 else [])])


def _versions(record: Mapping[str, Any], trial: Trial) -> str:
    """In what versions a record differs from a trial; empty if in none."""
    then, now = (set(str(text).split()) for text in (record.get("providers"), trial.cell.providers))
    if "providers" not in record or then == now:
        return ""
    return f"{' '.join(sorted(then - now))} is now {' '.join(sorted(now - then))}"


def _name(columns: Mapping[str, Any], seed: Any) -> str:
    return repr((sorted(columns.items()), seed))


def _difference(record: Mapping[str, Any], trial: Trial) -> str:
    """In what a trial differs from one of the same components."""
    changed = changes(record, trial)
    protocols = [text for text in changed if text.startswith("protocol ")]
    if protocols:
        return f"their {protocols[0]}"
    parts = dict.fromkeys(text.partition(" ")[0].partition(".")[0] for text in changed)
    return f"they differ in {', '.join(parts) or 'their versions'}"
