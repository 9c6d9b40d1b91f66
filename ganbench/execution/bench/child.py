"""A process that times one version, and what it is asked."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from ganbench.base.errors import UsageError
from ganbench.execution.event_process import end_group, last_line

_MODULE = "ganbench.testing.speed.worker"


@dataclass(frozen=True)
class Side:
    """One version: where a process finds it.

    :ivar name: as sentences call it.
    :ivar python: the interpreter.
    :ivar environment: of the process.
    :ivar tree: the folder that its components must come from; None where any is right.
    """

    name: str
    python: str
    environment: Mapping[str, str]
    tree: str | None = None


class RefusedError(UsageError):
    """A request that a process could not carry out, with its reason."""


class UnknownThereError(RefusedError):
    """The process does not know the component."""


class Child:
    """A process of a side, in a group of its own; everything in the group ends with the block.

    :param threads: of torch.
    """

    def __init__(self, side: Side, threads: int) -> None:
        self.side = side
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._process = subprocess.Popen(
            [side.python, "-P", "-m", _MODULE, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=dict(side.environment) | {"OMP_NUM_THREADS": str(threads)},
            start_new_session=True,
            text=True,
        )

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *error: object) -> None:
        end_group(self._process)
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()

    def ask(self, do: str, **given: Any) -> dict[str, Any]:
        """The answer to a request.

        :raises RefusedError: with the reason, if the process could not do it or has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = ""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps({"do": do, **given}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise RefusedError(self._end())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise (UnknownThereError if answer.get("unknown") else RefusedError)(answer["error"])
        return answer

    def _end(self) -> str:
        code = self._process.wait()
        words = last_line(self._log)
        if _MODULE in words:
            words = "it has no ganbench with `ganbench bench`"
        return f"its process ended with exit code {code}: {words}"
