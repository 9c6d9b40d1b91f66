"""Leases: which of several supervisors on one run folder trains which trial; files alone decide.

A trial belongs to the owner of its lease with the highest number (see `lease_files`). A supervisor
takes over from a dead holder by making the lease with the next number, which only one can: of those
that saw the same dead holder, exactly one wins. Numbers only go up until the trial has its final row.

The file system has to make a name exclusively (``link``, or ``open`` with ``O_EXCL`` where it has no
hard links), to rename atomically, and to show a closed file's content to whoever opens it afterwards
(close-to-open consistency). Local file systems and NFS from version 3 on do. A client may see a file's
replacement only after its attribute cache has run out, so a lease has to last longer than that.

A holder that was suspended while another took over sees that in `Leases.holds` and `holds_lease`. Ask
them before anything is written.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

from ganbench.base.clock import utc_now
from ganbench.base.errors import StorageError
from ganbench.base.files import dump_json, make_folder
from ganbench.execution.share.heartbeat import Heartbeat, sweep
from ganbench.execution.share.lease_files import (
    Lease,
    lease_path,
    make,
    newest,
    numbers,
    remove,
    remove_up_to,
)
from ganbench.store.run_folder import RunFolder
from ganbench.store.trial_folder import TrialFolder


class Leases:
    """The trials that one supervisor trains."""

    def __init__(self, folder: RunFolder, heartbeat: Heartbeat) -> None:
        self._folder, self._heartbeat = folder, heartbeat
        self._held: dict[str, int] = {}

    def take(self, trial_id: str) -> bool:
        """Try to get the lease of a trial; look at its row again afterwards.

        :return: False if somebody who lives has it, or was faster.
        :raises StorageError: if a lease cannot be written.
        """
        trial = self._folder.trial(trial_id)
        make_folder(trial.path)
        last = newest(trial)
        if last is not None and last.owner == self._heartbeat.owner:
            self._held[trial_id] = last.number
            return True
        if last is not None and self._heartbeat.watch.lives(last):
            return False
        number = 1 if last is None else last.number + 1
        if not self._make(trial, number, self._heartbeat.document):
            return False
        if last is not None and not lease_path(trial, last.number).exists():
            # The trial was finished meanwhile, and numbers start again at 1.
            remove(lease_path(trial, number))
            return False
        self._held[trial_id] = number
        return True

    def holds(self, trial_id: str) -> bool:
        """Whether this supervisor still has the lease, as the folder has it now."""
        number = self._held.get(trial_id)
        # Only its maker can have made the file with this number, whatever it holds now.
        trial = self._folder.trial(trial_id)
        return number is not None and max(numbers(trial), default=0) == number

    def release(self, trial_id: str) -> None:
        """Give an unfinished trial back. Never fails: without it, others find this owner gone."""
        number = self._let_go(trial_id)
        if number is not None:
            with contextlib.suppress(StorageError):
                self._make(self._folder.trial(trial_id), number + 1, {"owner": None})

    def settle(self, trial_id: str) -> None:
        """Remove the leases of a trial that has its final row. Never fails."""
        number = self._let_go(trial_id)
        if number is not None:
            remove_up_to(self._folder.trial(trial_id), number)

    def holder(self, trial_id: str) -> Lease | None:
        """The lease of whoever trains the trial; None if nobody who lives does."""
        last = newest(self._folder.trial(trial_id))
        return last if last is not None and self._heartbeat.watch.lives(last) else None

    def sweep(self, trial_ids: Iterable[str]) -> None:
        """Remove the leases of finished trials whose holders died before they could."""
        for trial_id in trial_ids:
            sweep(self._folder.trial(trial_id), self._heartbeat.watch)

    def _let_go(self, trial_id: str) -> int | None:
        """The number of the lease if it was held, which it is not from here on."""
        holds, number = self.holds(trial_id), self._held.pop(trial_id, None)
        return number if holds else None

    def _make(self, trial: TrialFolder, number: int, document: Mapping[str, Any]) -> bool:
        content = dump_json({**document, "at": utc_now()}, indent=None) + "\n"
        unique = f".{self._heartbeat.owner}.{os.urandom(4).hex()}.tmp"
        return make(trial, number, content, self._folder.supervisors_dir / unique)


def holds_lease(trial: TrialFolder, owner: str) -> bool:
    """Whether an owner still has a trial's lease: ask before anything of the trial is written."""
    last = newest(trial)
    return last is not None and last.owner == owner
