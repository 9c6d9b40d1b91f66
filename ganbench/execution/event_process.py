"""A process of ganbench's own that reports what happens, one line of JSON for each event."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Self

from ganbench.base.text import plain

_CHUNK = 1 << 16
_WAIT = 0.2  # seconds between two questions whether to go on


class EventProcess:
    """The process, in a group of its own; everything in the group ends with the block.

    :param command: the command line for the pipe that events go to, by its number.
    :param task: what it reads from standard input.
    :param environment: its variables; by default those of this process.
    """

    def __init__(
        self,
        command: Callable[[int], list[str]],
        task: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._reading, writing = os.pipe()
        try:
            with tempfile.TemporaryFile() as given:
                given.write(task)
                given.seek(0)
                self._process = subprocess.Popen(
                    command(writing),
                    stdin=given,
                    stdout=self._log,
                    stderr=subprocess.STDOUT,
                    pass_fds=[writing],
                    start_new_session=True,
                    env=environment,
                )
        finally:
            os.close(writing)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        end_group(self._process)
        os.close(self._reading)
        self._log.close()

    def events(self, go_on: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        """Its events, until it ends or ``go_on`` says False."""
        unread = b""
        while go_on():
            if not select.select([self._reading], [], [], _WAIT)[0]:
                continue
            data = os.read(self._reading, _CHUNK)
            if not data:
                self._process.wait()
                return
            *lines, unread = (unread + data).split(b"\n")
            yield from map(json.loads, lines)

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._process.poll()

    def last_words(self) -> str:
        """The last line that it printed."""
        return last_line(self._log)


class EventPipe:
    """The other end, in the process that reports.

    :param pipe: its number, as the command line has it.
    """

    def __init__(self, pipe: int) -> None:
        os.set_inheritable(pipe, False)
        self._pipe = pipe

    def say(self, text: str) -> None:
        self.send(event="say", text=text)

    def send(self, **event: Any) -> None:
        data = json.dumps(event).encode() + b"\n"
        while data:
            data = data[os.write(self._pipe, data) :]


def end_group(process: subprocess.Popen[Any]) -> None:
    """End a process that leads a group, with all of the group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def last_line(log: IO[bytes]) -> str:
    """The last line that is not empty in what a process printed, for a sentence."""
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").splitlines() if line]
    return plain(lines[-1]) if lines else "it printed nothing"
