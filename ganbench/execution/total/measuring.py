"""Have the costs of a grid measured in a process of its own.

That process takes the memory of data, features and networks, and the context of a GPU, and gives all of
it back before the first trial begins.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ganbench.base.determinism import VARIABLES
from ganbench.base.errors import UsageError
from ganbench.base.text import plain
from ganbench.execution.component_objects import packed_components
from ganbench.execution.placement import Placement
from ganbench.execution.supervise.worker_process import START, import_path
from ganbench.execution.total.costs import Costs
from ganbench.execution.total.deadline import Deadline
from ganbench.grid.cell import Cell
from ganbench.grid.grid import Grid
from ganbench.registry.lookup import default_registry

_MODULE = "ganbench.execution.total.child"
_CHUNK = 1 << 16
_TIMING = 20.0


def measured_costs(
    grid: Grid,
    cells: Sequence[Cell],
    root: Path,
    placement: Placement,
    say: Callable[[str], None],
    stop: Callable[[], bool],
    deadline: Deadline,
    timing: float = _TIMING,
) -> Costs:
    """The costs of some cells of a grid.

    :param placement: of the trials: they are timed with as many threads as a trial has.
    :param stop: asked while it measures; True ends it.
    :param deadline: of the run.
    :param timing: seconds after which no further kind of step is timed.
    :raises UsageError: for data or weights that are missing, and if the time is over before.
    :raises KeyboardInterrupt: if it was stopped.
    """
    if default_registry().in_process:
        import torch

        from ganbench.execution.total.gauge import gauge

        return gauge(cells, root, torch.device(placement.device), say, timing, placement.threads)
    environment = placement.slots[0].extra.get("environment", {}) if placement.slots else {}
    task = {
        "grid": grid.as_dict(),
        "cells": [cell.id for cell in cells],
        "root": str(root.resolve()),
        "device": placement.device,
        "threads": placement.threads,
        "components": packed_components(),
        "timing": timing,
    }
    with _Child(task, environment) as child:
        for event in child.events(stop, deadline):
            if "say" in event:
                say(event["say"])
            elif "problem" in event:
                raise UsageError(event["problem"])
            else:
                return Costs(**event["costs"])
        raise UsageError(f"the time of this grid cannot be measured: {child.last_words()}")


class _Child:
    """The process, in a group of its own; everything in the group ends with the block."""

    def __init__(self, task: dict[str, Any], environment: dict[str, str]) -> None:
        self._reading, writing = os.pipe()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._task = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._task.write(json.dumps(task).encode())
        self._task.seek(0)
        code = START.format(_MODULE)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", code, json.dumps(import_path()), str(writing)],
                stdin=self._task,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                pass_fds=[writing],
                start_new_session=True,
                env={**VARIABLES, **os.environ, **environment},
            )
        finally:
            os.close(writing)

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._reading)
        self._log.close()
        self._task.close()

    def events(self, stop: Callable[[], bool], deadline: Deadline) -> Iterator[dict[str, Any]]:
        """Its events, until it ends; raises KeyboardInterrupt on a stop."""
        unread = b""
        while True:
            if deadline.over:
                raise UsageError(
                    "the time was over while data, features and speeds were measured; give a longer "
                    "--total"
                )
            if stop():
                raise KeyboardInterrupt
            if not select.select([self._reading], [], [], 0.2)[0]:
                continue
            data = os.read(self._reading, _CHUNK)
            if not data:
                return
            *lines, unread = (unread + data).split(b"\n")
            yield from map(json.loads, lines)

    def last_words(self) -> str:
        """The last line that it printed."""
        self._process.wait()
        self._log.seek(0)
        lines = [line for line in self._log.read().decode(errors="replace").splitlines() if line]
        return plain(lines[-1]) if lines else "its process printed nothing"
