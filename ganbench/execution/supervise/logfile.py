"""A trial's log: everything that its process prints, up to a size."""

from __future__ import annotations

import contextlib
from pathlib import Path

HEAD, TAIL = 16 << 20, 1 << 20


class LogFile:
    """Appends to a trial's log.

    Beyond `HEAD` bytes in one attempt, only the last `TAIL` bytes are kept: the beginning and the end
    of an output explain it. A log that cannot be written costs no trial.
    """

    def __init__(self, path: Path, head: int = HEAD, tail: int = TAIL) -> None:
        self._head, self._keep = head, tail
        self._tail = bytearray()
        self._left_out = 0
        self._file = None
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        now, later = data[: self._head], data[self._head :]
        self._head -= len(now)
        self._put(now)
        self._tail += later
        if len(self._tail) > 2 * self._keep:
            self._shorten()

    def close(self) -> None:
        """Write the end of an output that was too long."""
        self._shorten()
        if self._left_out:
            self._put(f"\n[… {self._left_out:,} bytes are left out here …]\n".encode())
        self._put(bytes(self._tail))
        self._tail.clear()
        if self._file is not None:
            self._file.close()

    def _shorten(self) -> None:
        surplus = max(0, len(self._tail) - self._keep)
        self._left_out += surplus
        del self._tail[:surplus]

    def _put(self, data: bytes) -> None:
        if self._file is not None and data:
            with contextlib.suppress(OSError, ValueError):
                self._file.write(data)
