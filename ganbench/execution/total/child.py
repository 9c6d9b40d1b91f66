"""The process that measures costs: it ends afterwards, with all the memory that it took."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ganbench.base.backends import set_defaults
from ganbench.base.errors import GanbenchError, one_line
from ganbench.execution.component_objects import adopt_components
from ganbench.execution.event_process import EventPipe
from ganbench.execution.total.gauge import gauge
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand


def main() -> None:
    """Its arguments: the import path and a pipe for events, one line of JSON each."""
    events = EventPipe(int(sys.argv[2]))
    task = json.load(sys.stdin)
    try:
        events.send(event="costs", costs=_costs(task, events.say))
    except GanbenchError as error:
        events.send(event="problem", text=str(error))
    except Exception as error:  # of third-party code
        text = f"the time of this grid cannot be measured: {one_line(error)}"
        events.send(event="problem", text=text)


def _costs(task: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    set_defaults()
    adopt_components(task["components"])
    device = torch.device(task["device"])
    if device.type == "cpu":
        torch.set_num_threads(1)  # as in a worker, outside of its trials
    root = Path(task["root"])
    cells = expand(Grid.from_dict(task["grid"]), root).runnable
    chosen = [cell for cell in cells if cell.id in task["cells"]]
    return gauge(chosen, root, device, say, task["timing"], task["threads"]).as_dict()


if __name__ == "__main__":
    main()
