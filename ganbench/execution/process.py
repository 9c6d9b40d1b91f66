"""The supervisor's side of one worker process: starting it, talking to it, ending all of it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ganbench.execution.import_path import import_path

#: Marks everything that a worker starts, even what leaves its process group.
MARK = "GANBENCH_WORKER"
_MODULE = "ganbench.execution.worker"
#: Begun with -P: without it, a file `json.py` in the working directory would stand in for Python's.
_START = f"import sys, json; sys.path[:] = json.loads(sys.argv[1]); import {_MODULE} as m; m.main()"
_CHUNK, _TURN = 1 << 20, 16 << 20
_PIPE_SIZE = 1 << 20
_THREAD_VARIABLES = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM")


class WorkerProcess:
    """One worker in a process group of its own.

    Three pipes join it to this process: orders go in as lines of JSON, events come out likewise, and
    what it prints comes out as it is.

    :param environment: variables over those of this process.
    """

    def __init__(self, environment: Mapping[str, str], threads: int | None) -> None:
        self.mark = uuid.uuid4().hex
        reading, writing = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-u", "-c", _START, json.dumps(import_path()), str(writing)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[writing],
                start_new_session=True,
                bufsize=0,
                env={**os.environ, **_thread_variables(threads), **environment, MARK: self.mark},
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        assert self._process.stdout is not None
        self.events, self.output = reading, self._process.stdout.fileno()
        for pipe in (self.events, self.output):
            os.set_blocking(pipe, False)
            with contextlib.suppress(OSError, AttributeError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        self._unread = b""
        self._ended: set[int] = set()
        self._handle = _process_handle(self.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def watched(self) -> list[int]:
        """File descriptors that become readable when there is something to do."""
        return [self.events, self.output, *([self._handle] if self._handle is not None else [])]

    @property
    def exhausted(self) -> list[int]:
        """Those of them that have reached their end and would be readable for ever."""
        return [pipe for pipe in (self.events, self.output) if pipe in self._ended]

    def send(self, message: Mapping[str, Any]) -> None:
        """Give it a line; a worker that is dead will be found so by whoever polls it."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    def read_output(self) -> bytes:
        """What it has printed since."""
        return self._available(self.output)

    def read_events(self) -> list[dict[str, Any]]:
        """What it has told since; a line that is no event is the noise of a plugin."""
        lines = (self._unread + self._available(self.events)).split(b"\n")
        self._unread = lines.pop()
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and "event" in event:
                    found.append(event)
        return found

    def _available(self, pipe: int) -> bytes:
        """What can be read without waiting, at most so much that others get their turn."""
        data = bytearray()
        while len(data) < _TURN:
            try:
                more = os.read(pipe, _CHUNK)
            except OSError:  # nothing there at the moment
                break
            if not more:
                self._ended.add(pipe)
                break
            data += more
        return bytes(data)

    def exit_code(self) -> int | None:
        """As `subprocess.Popen.poll`: None while it lives, negative for a signal."""
        return self._process.poll()

    def dump_stacks(self) -> None:
        """Have it print where its threads are, if it still can."""
        with contextlib.suppress(OSError):
            self._process.send_signal(signal.SIGUSR1)
            time.sleep(0.2)

    def end(self) -> int:
        """Kill it and everything that it started; its exit code."""
        kill_group(self.pid)
        code = self._process.wait()
        kill_marked(self.mark)
        return code

    def close(self) -> None:
        """Close the pipes."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        for handle in (self.events, self._handle):
            if handle is not None:
                os.close(handle)


def kill_group(group: int) -> None:
    """Kill every process of a group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def kill_marked(mark: str, spare: int = 0) -> None:
    """Kill whatever carries a worker's mark, such as a child that made a session of its own.

    Where there is no /proc, groups have to do.

    :param spare: a process to leave alone.
    """
    for _ in range(10):  # what is killed may have forked just before
        found = [pid for pid in _marked(mark) if pid != spare]
        if not found:
            return
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _marked(mark: str) -> Iterator[int]:
    needle = f"{MARK}={mark}".encode()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            if needle in (path / "environ").read_bytes() and not _is_zombie(path):
                yield int(path.name)


def _is_zombie(path: Path) -> bool:
    return (path / "stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _process_handle(pid: int) -> int | None:
    """A descriptor that becomes readable when a process ends, where the system has such."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _thread_variables(threads: int | None) -> dict[str, str]:
    if threads is None:
        return {}
    return {f"{name}_NUM_THREADS": str(threads) for name in _THREAD_VARIABLES}
