"""The supervisor's side of one worker process: starting it, talking to it, ending all of it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from ganbench.base.determinism import VARIABLES

#: Variable that marks everything that a worker starts, even what leaves its process group.
MARK = "GANBENCH_WORKER"
_MODULE = "ganbench.execution.supervise.worker"
#: With -P, a file `json.py` in the working directory does not replace Python's.
START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); import {} as m; m.main()"
_CHUNK, _TURN = 1 << 20, 16 << 20
_PIPE_SIZE = 1 << 20
_INSTALLED = ("stdlib", "platstdlib", "purelib", "platlib")
_THREAD_VARIABLES = ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "VECLIB_MAXIMUM")


class WorkerProcess:
    """One worker in a process group of its own.

    Three pipes join it to this process: messages go in and events come out as lines of JSON, and what
    it prints comes out as it is.

    :param environment: variables over those of this process.
    """

    def __init__(self, environment: Mapping[str, str], threads: int | None) -> None:
        self.mark = uuid.uuid4().hex
        names = () if threads is None else _THREAD_VARIABLES
        limits = {f"{name}_NUM_THREADS": str(threads) for name in names}
        # On a busy machine, spinning threads hold others up.
        patience = {"OMP_WAIT_POLICY": "PASSIVE"}
        reading, writing = os.pipe()
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-u",
                    "-c",
                    START.format(_MODULE),
                    json.dumps(import_path()),
                    str(writing),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[writing],
                start_new_session=True,
                bufsize=0,
                env={
                    **VARIABLES,
                    **patience,
                    **os.environ,
                    **limits,
                    **environment,
                    MARK: self.mark,
                },
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
        #: Becomes readable when the process ends, where the system has such descriptors.
        self._handle: int | None = None
        with contextlib.suppress(AttributeError, OSError):
            self._handle = os.pidfd_open(self.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def watched(self) -> list[int]:
        """File descriptors that become readable when the worker has something to say, or ends."""
        return [self.events, self.output, *([self._handle] if self._handle is not None else [])]

    @property
    def exhausted(self) -> list[int]:
        """Pipes at their end, which would be readable forever."""
        return [pipe for pipe in (self.events, self.output) if pipe in self._ended]

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a line; whoever polls a dead worker finds out."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    def read_output(self) -> bytes:
        """What it has printed since the last call."""
        return self._available(self.output)

    def read_events(self) -> list[dict[str, Any]]:
        """Its events since the last call; other lines are the noise of a plugin."""
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
        """Read without waiting, and no more than lets other workers get their turn."""
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

    def end(self) -> None:
        """Kill it and everything that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        kill_marked(self.mark)

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        for handle in (self.events, self._handle):
            if handle is not None:
                os.close(handle)


def kill_marked(mark: str, spare: int = 0) -> None:
    """Kill every process with a worker's mark, such as a child that made a session of its own.

    :param spare: a process to leave alone.
    """
    for _ in range(10):  # a process may have forked just before it was killed
        found = [process for process in _marked(mark) if process.pid != spare]
        if not found:
            return
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.02)


def _marked(mark: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                yield process


def import_path() -> list[str]:
    """This process's import path, for a worker to find the same modules.

    Python puts the working directory, or a script's folder, before everything else. A file there, such
    as ``types.py``, would replace a module that torch needs. So these folders come last; what
    PYTHONPATH names stays where it is.
    """
    entries, unasked = list(dict.fromkeys(map(os.path.abspath, sys.path))), _unasked()
    last = [entry for entry in entries if entry in unasked]
    first = [entry for entry in entries if entry not in last]
    home = str(Path(__file__).absolute().parents[3])
    if home in last:  # a checkout: workers must run this ganbench and not another one
        last.remove(home)
        first.insert(_behind_the_standard_library(first), home)
    return first + last


def _unasked() -> set[str]:
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    folders = {os.path.dirname(os.path.abspath(script))} if script else set()
    with contextlib.suppress(OSError):  # a working directory that was removed
        folders.add(os.getcwd())
    asked = {
        os.path.abspath(entry)
        for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if entry
    }
    installed = {os.path.abspath(sysconfig.get_path(name)) for name in _INSTALLED}
    return folders - asked - installed


def _behind_the_standard_library(entries: list[str]) -> int:
    library = Path(sysconfig.get_path("stdlib"))
    ours = [n for n, entry in enumerate(entries, 1) if Path(entry) == library
            or (Path(entry).parent == library and Path(entry).name == "lib-dynload")]  # fmt: skip
    return max(ours, default=0)
