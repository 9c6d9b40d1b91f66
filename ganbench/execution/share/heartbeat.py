"""Heartbeats: each supervisor shows that it lives by rewriting ``supervisors/<owner>.json``.

On the reader's own machine (same boot, same process namespace, same name) an owner lives while its
process does, however long it is silent. Elsewhere it lives until its heartbeat has stood still for as
long as it promised to be silent at most, by the reader's own clock; clocks of machines are never
compared. A file that cannot be read counts as alive for as long.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganbench.base.files import dump_json, make_folder, storage_errors
from ganbench.execution.share import processes
from ganbench.execution.share.lease_files import OWNER, Lease, newest, remove, remove_up_to
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import FINISHED
from ganbench.store.trial_folder import TrialFolder

#: Seconds that a supervisor on another machine may be silent.
LEASE = 60.0
_LONGEST_LEASE = 3600.0

#: Owners that live in this process.
_here: set[str] = set()


class Heartbeat(contextlib.AbstractContextManager["Heartbeat"]):
    """Shows others that this supervisor lives, until `close`.

    :param lease: seconds of silence after which supervisors on other machines take it for dead.
    :raises StorageError: if the folder cannot be written.
    """

    def __init__(self, folder: RunFolder, lease: float = LEASE) -> None:
        place = processes.place(os.getpid())
        host = re.sub(r"[^A-Za-z0-9-]", "_", place["host"])[:60]
        #: A name that no other supervisor has, now or later.
        self.owner = f"{host}-{place['pid']}-{os.urandom(4).hex()}"
        self.document: dict[str, Any] = {"owner": self.owner, **place, "lease": lease}
        self.watch = HeartbeatWatch(folder.supervisors_dir, lease, self.owner)
        self._folder = folder
        self._file = folder.supervisors_dir / f"{self.owner}.json"
        self._state: Mapping[str, Any] = {}
        self._beats = 0
        self._lock = threading.Lock()
        _here.add(self.owner)
        try:
            self.beat()
        except BaseException:
            _here.discard(self.owner)
            raise
        _clear_up(folder, self.watch)

    def beat(self, state: Mapping[str, Any] | None = None) -> None:
        """Write the next heartbeat.

        :param state: what others may know of the run; the last one if it is not given.
        :raises StorageError: if it cannot be written.
        """
        with self._lock:
            if state is not None:
                self._state = dict(state)
            self._beats += 1
            document = {**self.document, "beat": self._beats, "state": self._state}
            text = dump_json(document, indent=None) + "\n"
            make_folder(self._file.parent)
            with storage_errors(self._file):
                # Without fsync: after a power cut nobody lives, whatever the file says.
                temporary = self._file.with_name(f".{self.owner}.beat.tmp")
                temporary.write_text(text, encoding="utf-8")
                os.replace(temporary, self._file)

    def close(self) -> None:
        """Leave; others may take the leases that are still held. Never fails."""
        with contextlib.suppress(OSError):
            _clear_up(self._folder, self.watch)
        _here.discard(self.owner)
        self.watch.remove(self.owner)

    def __exit__(self, *error: object) -> None:
        self.close()


class HeartbeatWatch:
    """Watches the heartbeats of all supervisors of a run.

    :param lease: seconds to wait where a file does not say how many.
    :param own: the owner that watches, if any.
    """

    def __init__(self, folder: Path, lease: float, own: str = "") -> None:
        self._folder, self._lease, self._own = folder, lease, own
        self._seen: dict[str, tuple[bytes, float]] = {}

    def owners(self) -> list[str]:
        """Who has a heartbeat, sorted."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return []
        stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
        return sorted(stem for stem in stems if OWNER.fullmatch(stem))

    def read(self, owner: str) -> Lease:
        return Lease.read(f"{self._folder}/{owner}.json")

    def lives(self, lease: Lease) -> bool:
        """Whether the holder of a lease lives, or may live."""
        if lease.document is None:
            # Anybody who lives may hold it; a supervisor that is alone robs nobody.
            others = [owner for owner in self.owners() if owner != self._own]
            key = f"lease {lease.number} {lease.content!r}"
            moves = self._moves(key, lease.content, self._lease)
            return moves and any(map(self._may_live, others))
        owner = lease.owner
        if owner is None:
            return False
        heartbeat = self.read(owner)
        known = heartbeat.document or lease.document
        here = _lives_here(known, owner)
        if here is False or (here and (heartbeat.document is not None or owner in _here)):
            return here
        # Another machine; or the process lives here, and its run may be over.
        beat = heartbeat.content
        if heartbeat.document is not None:
            beat = repr(heartbeat.document.get("beat")).encode()
        return self._moves(owner, beat, _lease(known) or self._lease)

    def remove_dead(self) -> bool:
        """Remove the heartbeats of the dead; False if nobody has died. Never fails."""
        dead = [owner for owner in self.owners() if not self._may_live(owner)]
        for owner in dead:
            self.remove(owner)
        return bool(dead)

    def remove(self, owner: str) -> None:
        """Remove an owner's heartbeat, and what it was about to write. Never fails."""
        for path in (*self._folder.glob(f".{owner}.*tmp"), self._folder / f"{owner}.json"):
            remove(path)

    def _may_live(self, owner: str) -> bool:
        heartbeat = self.read(owner)
        return heartbeat.document is None or self.lives(heartbeat)

    def _moves(self, key: str, content: bytes, lease: float) -> bool:
        """Whether a content has changed within the lease, by this process's clock."""
        now = time.monotonic()
        before, since = self._seen.get(key, (b"", now))
        if before != content or key not in self._seen:
            self._seen[key] = (content, now)
            return True
        return now - since < lease


def living_supervisors(folder: RunFolder) -> list[dict[str, Any]]:
    """The heartbeats of the supervisors that work on a run.

    One look cannot tell who died on another machine: a heartbeat from there counts until this
    process has seen it stand still for its lease.
    """
    key = str(folder.supervisors_dir.absolute())
    watch = _watched.setdefault(key, HeartbeatWatch(folder.supervisors_dir, LEASE))
    found = [watch.read(owner) for owner in watch.owners()]
    return [dict(one.document) for one in found if one.document is not None and watch.lives(one)]


_watched: dict[str, HeartbeatWatch] = {}


def sweep(trial: TrialFolder, watch: HeartbeatWatch) -> None:
    """Remove the leases of a finished trial whose holder died before it could."""
    lease = newest(trial)
    if lease is None or watch.lives(lease):
        return
    row = trial.read_row()
    if row is not None and row["status"] in FINISHED:
        remove_up_to(trial, lease.number)


def _clear_up(folder: RunFolder, watch: HeartbeatWatch) -> None:
    """Remove what the dead have left: heartbeats, and leases of finished trials."""
    if watch.remove_dead():
        for trial in folder.trials():
            sweep(trial, watch)


def _lives_here(document: Mapping[str, Any], owner: str) -> bool | None:
    lives = processes.lives_here(document)
    return owner in _here if lives and document.get("pid") == os.getpid() else lives


def _lease(document: Mapping[str, Any]) -> float | None:
    lease = document.get("lease")
    if isinstance(lease, bool) or not isinstance(lease, (int, float)):
        return None
    return float(lease) if 0 < lease <= _LONGEST_LEASE else None
