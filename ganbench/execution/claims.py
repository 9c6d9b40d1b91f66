"""Who trains which trial, where several supervisors share a run folder; told by files alone.

A supervisor shows that it lives by a file that it writes every few seconds,
``supervisors/<owner>.json``. A trial belongs to whoever made the claim file with the highest number,
``claim-000001.json`` and so on in the trial's folder. A claim is taken over by making the one with
the next number, which only one can: of those who saw the same dead holder, exactly one wins. Numbers
only go up until the trial has its final row and the claims are removed. A claim that is given back
is followed by one of nobody.

Whether a holder lives is decided without comparing the clocks of machines. On the reader's own host
(same boot, same process namespace, same name) a holder lives while there is a process with its number
and its start time, however long it is silent. Elsewhere it lives until its sign of life has stood
still for as long as it promised to be silent at most, by the reader's own clock. Until a file that
cannot be read has stood still for as long, nobody who may live is robbed because of it.

What the file system has to guarantee: a name is made exclusively (``link``, or ``open`` with
``O_EXCL`` where there are no hard links), renaming is atomic, and whoever opens a file after another
has closed it sees what was written (close-to-open consistency). Local file systems and NFS from
version 3 on do. A client may see a file's replacement only after its attribute cache has run out,
which the lease has to exceed.

A holder that was suspended while another took over sees that in `Claims.holds` and in `holds_claim`,
which have to be asked before anything is written.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import os
import re
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ganbench.errors import StorageError
from ganbench.results.files import (
    decode,
    dump_json,
    load_json,
    make_folder,
    read_bytes,
    storage_errors,
)
from ganbench.results.schema import FINISHED
from ganbench.results.store import RunFolder, TrialFolder

#: Seconds that a supervisor on another host may be silent.
LEASE = 60.0
_LONGEST_LEASE = 3600.0

_CLAIM = re.compile(r"claim-(\d{6,})\.json")
_OWNER = re.compile(r"[A-Za-z0-9_.-]{1,200}")

#: Owners in this process: whether these live need not be guessed.
_here: set[str] = set()


@dataclass(frozen=True)
class Holder:
    """Who trains a trial."""

    owner: str
    host: str
    pid: int


class Presence:
    """Shows others that this supervisor lives, from here on until `close`.

    :param lease: seconds after which others may take it for dead if they see no `beat`; only for
        those on other hosts.
    :raises StorageError: if the folder cannot be written.
    """

    def __init__(self, folder: RunFolder, lease: float = LEASE) -> None:
        place = _place(os.getpid())
        host = re.sub(r"[^A-Za-z0-9-]", "_", place["host"])[:60]
        #: A name that no other supervisor has, now or later.
        self.owner = f"{host}-{place['pid']}-{os.urandom(4).hex()}"
        self.lease = lease
        self.identity: dict[str, Any] = {"owner": self.owner, **place, "lease": lease}
        self.signs = _Signs(folder.supervisors_dir, lease, self.owner)
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
        _clear_up(folder, self.signs)

    def beat(self, state: Mapping[str, Any] | None = None) -> None:
        """Give a sign of life.

        :param state: what others may know of the run; as before if it is not given.
        :raises StorageError: if it cannot be written.
        """
        with self._lock:
            if state is not None:
                self._state = dict(state)
            self._beats += 1
            document = {**self.identity, "beat": self._beats, "state": self._state}
            text = dump_json(document, indent=None) + "\n"
            make_folder(self._file.parent)
            with storage_errors(self._file):
                # Not synced: after a power cut nobody lives, whatever the file says.
                temporary = self._file.with_name(f".{self.owner}.beat.tmp")
                temporary.write_text(text, encoding="utf-8")
                os.replace(temporary, self._file)

    def close(self) -> None:
        """Leave; the claims that are still held fall to whoever wants them. Never fails."""
        with contextlib.suppress(OSError):
            _clear_up(self._folder, self.signs)
        _here.discard(self.owner)
        self.signs.remove(self.owner)

    def __enter__(self) -> Presence:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Claims:
    """The trials that one supervisor trains."""

    def __init__(self, folder: RunFolder, presence: Presence) -> None:
        self._folder, self._presence = folder, presence
        self._held: dict[str, int] = {}

    def take(self, trial_id: str) -> bool:
        """Try to become the one who trains a trial; look at its row again afterwards.

        :return: False if somebody who lives has it, or was faster.
        :raises StorageError: if a claim cannot be written.
        """
        trial = self._folder.trial(trial_id)
        make_folder(trial.path)
        newest = _newest(trial)
        if newest is not None and newest.owner == self._presence.owner:
            self._held[trial_id] = newest.number
            return True
        if newest is not None and self._presence.signs.lives(newest):
            return False
        number = 1 if newest is None else newest.number + 1
        if not self._make(trial, number, self._presence.identity):
            return False
        if newest is not None and not _path(trial, newest.number).exists():
            # The trial has been finished meanwhile, and numbering begins anew.
            _remove(_path(trial, number))
            return False
        self._held[trial_id] = number
        return True

    def holds(self, trial_id: str) -> bool:
        """Whether the trial is still this supervisor's, as the folder has it now."""
        number = self._held.get(trial_id)
        # Only its maker can have made the file with this number, whatever has become of its content.
        return (
            number is not None and max(_numbers(self._folder.trial(trial_id)), default=0) == number
        )

    def release(self, trial_id: str) -> None:
        """Give an unfinished trial back. Never fails: whoever wants it finds this owner gone."""
        trial, holds = self._folder.trial(trial_id), self.holds(trial_id)
        number = self._held.pop(trial_id, None)
        if holds and number is not None:
            with contextlib.suppress(StorageError):
                self._make(trial, number + 1, {"owner": None})

    def settle(self, trial_id: str) -> None:
        """Remove the claims of a trial that has its final row. Never fails."""
        trial, holds = self._folder.trial(trial_id), self.holds(trial_id)
        number = self._held.pop(trial_id, None)
        if holds and number is not None:
            _remove_up_to(trial, number)

    def holder(self, trial_id: str) -> Holder | None:
        """Who has the trial; None if nobody who lives has it."""
        newest = _newest(self._folder.trial(trial_id))
        if newest is None or not self._presence.signs.lives(newest):
            return None
        document = newest.document or {}
        return Holder(newest.owner or "", str(document.get("host", "")), _pid(document) or 0)

    def sweep(self, trial_ids: Iterable[str]) -> None:
        """Remove the claims of finished trials whose holders died before they could."""
        for trial_id in trial_ids:
            _sweep(self._folder.trial(trial_id), self._presence.signs)

    def _make(self, trial: TrialFolder, number: int, document: Mapping[str, Any]) -> bool:
        """Make a claim file; False if there is one already."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        content = dump_json({**document, "at": now}, indent=None) + "\n"
        # The temporary file lies elsewhere: the trial's holder may clean the trial's folder.
        unique = f".{self._presence.owner}.{os.urandom(4).hex()}.tmp"
        place = self._folder.supervisors_dir / unique
        target = _path(trial, number)
        with storage_errors(target):
            place.write_text(content, encoding="utf-8")
            try:
                return _link(place, target) or _create(content, target)
            except FileExistsError:
                return False
            finally:
                _remove(place)


def holds_claim(trial: TrialFolder, owner: str) -> bool:
    """Whether a trial is still its owner's: for those who train for a supervisor, before they write."""
    newest = _newest(trial)
    return newest is not None and newest.owner == owner


def living_supervisors(folder: RunFolder) -> list[dict[str, Any]]:
    """The signs of life of those who work on a run.

    Of other hosts a single look cannot tell who died: theirs are given until this process has seen
    them stand still for their lease.
    """
    key = str(folder.supervisors_dir.absolute())
    signs = _watched.setdefault(key, _Signs(folder.supervisors_dir, LEASE))
    documents = []
    for owner in signs.owners():
        content = signs.read(owner)
        document = _parse(content)
        if document is not None and signs.lives(_Claim(0, content, document)):
            documents.append(document)
    return documents


@dataclass(frozen=True)
class _Claim:
    """A claim file.

    :ivar content: of the file, or why it cannot be read.
    :ivar document: what it says; None if that makes no sense.
    """

    number: int
    content: bytes
    document: Mapping[str, Any] | None

    @property
    def owner(self) -> str | None:
        """None if the claim was given back, or cannot be read."""
        owner: str | None = None if self.document is None else self.document["owner"]
        return owner


class _Signs:
    """Watches the supervisors' signs of life.

    :param lease: seconds to wait where a file does not say how many.
    :param own: the owner that watches, if any.
    """

    def __init__(self, folder: Path, lease: float, own: str = "") -> None:
        self._folder, self._lease, self._own = folder, lease, own
        self._seen: dict[str, tuple[bytes, float]] = {}

    def owners(self) -> list[str]:
        """Who has left a sign, sorted."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return []
        stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
        return sorted(stem for stem in stems if _OWNER.fullmatch(stem) and stem[0] != ".")

    def read(self, owner: str) -> bytes:
        """The content of an owner's sign, or why it cannot be read."""
        return _content(str(self._folder / f"{owner}.json"))

    def lives(self, claim: _Claim) -> bool:
        """Whether a claim is one of somebody who lives, or may live."""
        if claim.document is None:
            # It may be that of anybody who lives; who is alone here robs nobody.
            others = [owner for owner in self.owners() if owner != self._own]
            key = f"claim {claim.number} {claim.content!r}"
            moves = self._moves(key, claim.content, self._lease)
            return moves and any(map(self._may_live, others))
        owner = claim.owner
        if owner is None:
            return False
        content = self.read(owner)
        sign = _parse(content)
        here = _lives_here(sign or claim.document, owner)
        if here is False or (here and (sign is not None or owner in _here)):
            return here
        # Somewhere else; or a process lives here, and maybe the run that it did is over.
        beat = content if sign is None else repr(sign.get("beat")).encode()
        return self._moves(owner, beat, _lease(sign or claim.document) or self._lease)

    def bury(self) -> bool:
        """Remove the signs of those who are known to be dead; False if there are none. Never fails."""
        dead = [owner for owner in self.owners() if not self._may_live(owner)]
        for owner in dead:
            self.remove(owner)
        return bool(dead)

    def remove(self, owner: str) -> None:
        """Remove an owner's sign of life, and what it was about to write. Never fails."""
        for path in (*self._folder.glob(f".{owner}.*tmp"), self._folder / f"{owner}.json"):
            _remove(path)

    def _may_live(self, owner: str) -> bool:
        content = self.read(owner)
        sign = _parse(content)
        return sign is None or self.lives(_Claim(0, content, sign))

    def _moves(self, key: str, content: bytes, lease: float) -> bool:
        """Whether a content has been seen to change within the lease, by this process's clock."""
        now = time.monotonic()
        before, since = self._seen.get(key, (b"", now))
        if before != content or key not in self._seen:
            self._seen[key] = (content, now)
            return True
        return now - since < lease


_watched: dict[str, _Signs] = {}


def _clear_up(folder: RunFolder, signs: _Signs) -> None:
    """Remove what the dead have left: signs of life, and claims on trials that are finished."""
    if not signs.bury():
        return
    for trial in folder.trials():
        _sweep(trial, signs)


def _sweep(trial: TrialFolder, signs: _Signs) -> None:
    newest = _newest(trial)
    if newest is None or signs.lives(newest):
        return
    row = trial.read_row()
    if row is not None and row["status"] in FINISHED:
        _remove_up_to(trial, newest.number)


@functools.lru_cache(maxsize=1)
def _place(pid: int) -> dict[str, Any]:
    """Where this process is; ``boot`` is empty where processes cannot be told apart for certain.

    :param pid: this process's; another one if it was forked.
    """
    boot, namespace = "", ""
    with contextlib.suppress(OSError):
        boot = read_bytes("/proc/sys/kernel/random/boot_id").decode().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    return {
        "host": socket.gethostname(),
        "boot": boot if namespace else "",
        "pidns": namespace,
        "pid": pid,
        "pid_started": _started(pid),
    }


def _lives_here(document: Mapping[str, Any], owner: str) -> bool | None:
    """Whether an owner's process lives on this host; None if it is of another, or cannot be told."""
    place, pid = _place(os.getpid()), _pid(document)
    same = all(document.get(name) == place[name] for name in ("host", "boot", "pidns"))
    if not same or not place["boot"] or pid is None or document.get("pid_started") is None:
        return None
    if pid == place["pid"] and document["pid_started"] == place["pid_started"]:
        return owner in _here
    started = _started(pid)
    if started is None and _is_hidden(pid):
        return None
    return bool(started == document["pid_started"])


def _started(pid: int) -> int | None:
    """When a process began, in the kernel's ticks since its start; None if it does not live."""
    try:
        status = read_bytes(f"/proc/{pid}/stat")
        # The name is in parentheses and may hold anything; the state and numbers follow.
        state, *fields = status[status.rindex(b")") + 1 :].split()
    except (OSError, ValueError):  # it ends just now
        return None
    return None if state in (b"Z", b"X") else int(fields[18])


def _is_hidden(pid: int) -> bool:
    """Whether there is a process that this user may not look at."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _numbers(trial: TrialFolder) -> list[int]:
    try:
        names = os.listdir(trial.path)
    except OSError:
        return []
    return [int(found[1]) for name in names if (found := _CLAIM.fullmatch(name))]


def _newest(trial: TrialFolder) -> _Claim | None:
    """The claim that counts; None if there is none."""
    while numbers := _numbers(trial):
        number = max(numbers)
        content = _content(str(_path(trial, number)))
        if content != _MISSING:
            return _Claim(number, content, _parse(content))
        if max(_numbers(trial), default=0) == number:  # there, and yet it cannot be opened
            return _Claim(number, content, None)
    return None


def _path(trial: TrialFolder, number: int) -> Path:
    return trial.path / f"claim-{number:06d}.json"


_MISSING = b"FileNotFoundError"


def _content(path: str) -> bytes:
    try:
        return read_bytes(path)
    except OSError as error:
        return type(error).__name__.encode()


def _parse(content: bytes) -> dict[str, Any] | None:
    """What a claim or a sign of life says; None if it does not name an owner, or nobody."""
    try:
        document = decode(load_json(content))
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or "owner" not in document:
        return None
    owner = document["owner"]
    sound = owner is None or (isinstance(owner, str) and _OWNER.fullmatch(owner))
    return document if sound else None


def _pid(document: Mapping[str, Any]) -> int | None:
    pid = document.get("pid")
    return pid if type(pid) is int and 0 < pid < 2**31 else None


def _lease(document: Mapping[str, Any]) -> float | None:
    lease = document.get("lease")
    if isinstance(lease, bool) or not isinstance(lease, (int, float)):
        return None
    return float(lease) if 0 < lease <= _LONGEST_LEASE else None


def _link(source: Path, target: Path) -> bool:
    """Give a finished file a second name; False where the file system cannot.

    :raises FileExistsError: if the name is taken.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        # An answer that was lost on the network is asked for again: the name may be ours.
        if os.stat(source).st_nlink == 2:
            return True
        raise
    except OSError:
        return False  # what speaks against any file shows when it is made otherwise
    return True


def _create(content: str, target: Path) -> bool:
    """Make a file that is not there yet; raises FileExistsError."""
    with open(target, "x", encoding="utf-8") as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            _remove(target)
            raise
    return True


def _remove_up_to(trial: TrialFolder, number: int) -> None:
    """Remove claims, the one that counts last: until then the trial is not to be had."""
    for earlier in sorted(_numbers(trial)):
        if earlier <= number:
            _remove(_path(trial, earlier))


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
