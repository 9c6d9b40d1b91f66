"""The files of a trial's leases: ``claim-000001.json`` and so on in the trial's folder.

The lease with the highest number counts. A lease ends when its holder makes the next one, which names
nobody, or when the trial has its final row and all its leases are removed.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganbench.base.files import decode, load_json, read_bytes, storage_errors
from ganbench.store.trial_folder import TrialFolder

#: What names an owner, and with ``.json`` its heartbeat's file.
OWNER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}")
_NAME = re.compile(r"claim-(\d{6,})\.json")
_MISSING = b"FileNotFoundError"


@dataclass(frozen=True)
class Lease:
    """A lease, or a heartbeat, as its file has it.

    :ivar content: of the file, or why it cannot be read.
    :ivar document: what it says; None if that makes no sense.
    """

    number: int
    content: bytes
    document: Mapping[str, Any] | None

    @classmethod
    def read(cls, path: Path | str, number: int = 0) -> Lease:
        """Read a file, whatever is in it."""
        try:
            content = read_bytes(str(path))
        except OSError as error:
            content = type(error).__name__.encode()
        return cls(number, content, _parse(content))

    @property
    def owner(self) -> str | None:
        """None if the lease was given back, or cannot be read."""
        owner: str | None = None if self.document is None else self.document["owner"]
        return owner


def numbers(trial: TrialFolder) -> list[int]:
    try:
        names = os.listdir(trial.path)
    except OSError:
        return []
    return [int(found[1]) for name in names if (found := _NAME.fullmatch(name))]


def newest(trial: TrialFolder) -> Lease | None:
    """The lease that counts; None without one."""
    while found := numbers(trial):
        number = max(found)
        lease = Lease.read(lease_path(trial, number), number)
        # Another process may have removed it; or it is there, and yet it cannot be opened.
        if lease.content != _MISSING or max(numbers(trial), default=0) == number:
            return lease
    return None


def lease_path(trial: TrialFolder, number: int) -> Path:
    return trial.path / f"claim-{number:06d}.json"


def make(trial: TrialFolder, number: int, content: str, temporary: Path) -> bool:
    """Make a lease's file; False if another process was faster.

    :param temporary: a file outside of the trial's folder, which the holder may clean.
    :raises StorageError: if it cannot be written.
    """
    target = lease_path(trial, number)
    with storage_errors(target):
        temporary.write_text(content, encoding="utf-8")
        try:
            return _link(temporary, target) or _create(content, target)
        except FileExistsError:
            return False
        finally:
            remove(temporary)


def remove_up_to(trial: TrialFolder, number: int) -> None:
    """Remove leases, the one that counts last: until then nobody else can take the trial."""
    for earlier in sorted(numbers(trial)):
        if earlier <= number:
            remove(lease_path(trial, earlier))


def remove(path: Path) -> None:
    """Remove a file; never fails."""
    with contextlib.suppress(OSError):
        path.unlink()


def _parse(content: bytes) -> dict[str, Any] | None:
    """What a file says; None if it names neither an owner nor nobody."""
    try:
        document = decode(load_json(content))
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or "owner" not in document:
        return None
    owner = document["owner"]
    sound = owner is None or (isinstance(owner, str) and OWNER.fullmatch(owner))
    return document if sound else None


def _link(source: Path, target: Path) -> bool:
    """Give a finished file a second name; False where the file system cannot.

    :raises FileExistsError: if the name is taken.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        # After a lost answer the network asks again: the name may be ours.
        if os.stat(source).st_nlink == 2:
            return True
        raise
    except OSError:
        return False  # what forbids any file shows in `_create`
    return True


def _create(content: str, target: Path) -> bool:
    """Make a file that does not exist yet; raises FileExistsError."""
    with open(target, "x", encoding="utf-8") as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            remove(target)
            raise
    return True
