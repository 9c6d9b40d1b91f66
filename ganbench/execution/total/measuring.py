"""Have the costs of a grid measured in a process of its own.

That process takes the memory of data, features and networks, and the context of a GPU, and gives all of
it back before the first trial begins.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ganbench.base.determinism import VARIABLES
from ganbench.base.errors import UsageError
from ganbench.execution.component_objects import packed_components
from ganbench.execution.event_process import EventProcess
from ganbench.execution.placement import Placement
from ganbench.execution.supervise.worker_process import START, import_path
from ganbench.execution.total.costs import Costs
from ganbench.execution.total.deadline import Deadline
from ganbench.grid.cell import Cell
from ganbench.grid.grid import Grid
from ganbench.registry.lookup import default_registry

_MODULE = "ganbench.execution.total.child"
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
    code = START.format(_MODULE)
    process = EventProcess(
        lambda pipe: [sys.executable, "-P", "-c", code, json.dumps(import_path()), str(pipe)],
        json.dumps(task).encode(),
        {**VARIABLES, **os.environ, **environment},
    )
    with process as child:
        for event in child.events(lambda: _goes_on(stop, deadline)):
            if event["event"] == "say":
                say(event["text"])
            elif event["event"] == "problem":
                raise UsageError(event["text"])
            else:
                return Costs(**event["costs"])
        raise UsageError(f"the time of this grid cannot be measured: {child.last_words()}")


def _goes_on(stop: Callable[[], bool], deadline: Deadline) -> bool:
    if deadline.over:
        raise UsageError(
            "the time was over while data, features and speeds were measured; give a longer --total"
        )
    if stop():
        raise KeyboardInterrupt
    return True
