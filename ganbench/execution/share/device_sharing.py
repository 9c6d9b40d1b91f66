"""Whether a trial has its device to itself.

Every trial holds a lock on a file of its own in a folder of its device. A trial that finds another
locked file there shares the device. The kernel releases the locks of the dead. Other programs on a GPU
are seen through its driver.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Self


class DeviceSharing:
    """Watches one device while a trial runs on it.

    :param device: a name that all processes on the device use.
    :param others: whether a program that is not of ganbench uses the device now; asked often.
    """

    def __init__(
        self,
        device: str,
        folder: Path | None = None,
        others: Callable[[], bool] = lambda: False,
    ) -> None:
        self._folder = (folder or _shared_folder()) / device.replace("/", "_")
        self._own = self._folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._handle = -1
        self._foreign = others
        self._alone = True

    def __enter__(self) -> Self:
        hidden = self._own.with_name(f".{self._own.name}")
        with contextlib.suppress(OSError):
            _make_shared(self._folder.parent)
            _make_shared(self._folder)
            self._handle = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Others remove unlocked files, so they see it only once it is locked.
            hidden.rename(self._own)
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError):
            self._own.unlink(missing_ok=True)
        if self._handle >= 0:
            os.close(self._handle)

    def alone(self) -> bool:
        """Whether nobody else has been seen on the device since this trial began."""
        if self._alone:
            with contextlib.suppress(OSError):
                self._alone = not any(map(_in_use, self._others()))
        self._alone = self._alone and not self._foreign()
        return self._alone

    def _others(self) -> list[Path]:
        files = self._folder.iterdir()
        return [path for path in files if path != self._own and not path.name.startswith(".")]


def _shared_folder() -> Path:
    """``$GANBENCH_DEVICE_LOCKS``, for those who share devices but not /tmp; else a folder in /tmp."""
    asked = os.environ.get("GANBENCH_DEVICE_LOCKS")
    if asked:
        return Path(asked)
    # Not $TMPDIR: batch systems give each job its own.
    return Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()) / "ganbench-devices"


def _make_shared(folder: Path) -> None:
    """A folder that every user may add files to, and remove their own from."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(parents=True)
        folder.chmod(0o1777)


def _in_use(path: Path) -> bool:
    """Whether a living process holds the file; removes what the dead have left."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return False
    finally:
        os.close(handle)
