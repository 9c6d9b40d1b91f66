"""Folders for files that are not to outlive a task, even where nobody is left to remove them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

_UNLOCKED, _LOCK = ".unlocked", ".lock"


@contextlib.contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """A new folder on this machine; what killed processes have left of theirs is removed."""
    parent = parent or Path(tempfile.gettempdir()) / f"ganbench-scratch-{os.getuid()}"
    parent.mkdir(parents=True, exist_ok=True)
    _sweep(parent)
    folder = parent / uuid.uuid4().hex
    folder.mkdir()
    handle = os.open(folder / _UNLOCKED, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        (folder / _UNLOCKED).rename(folder / _LOCK)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _sweep(parent: Path) -> None:
    """Remove folders whose locks nobody holds: the kernel releases those of the dead."""
    for lock in parent.glob(f"*/{_LOCK}"):
        with contextlib.suppress(OSError):
            handle = os.open(lock, os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
            finally:
                os.close(handle)
