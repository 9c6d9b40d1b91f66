"""Temporary folders that go away even if their process is killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ganbench.base.files import alone


@contextlib.contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder on this machine, and remove those that killed processes left behind."""
    parent = parent or Path(tempfile.gettempdir()) / f"ganbench-scratch-{os.getuid()}"
    parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with alone(parent):
            for left in parent.iterdir():
                with contextlib.suppress(OSError), _locked(left):
                    shutil.rmtree(left, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(dir=parent))
            stack.enter_context(_locked(folder))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder; OSError if another process does. The kernel frees what dead processes locked."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
