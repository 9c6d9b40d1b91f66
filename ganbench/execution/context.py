"""What all parts of one run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ganbench.execution.progress.listener import Progress
from ganbench.execution.run_options import RunOptions
from ganbench.execution.total.deadline import Deadline
from ganbench.store.run_folder import RunFolder


@dataclass(frozen=True)
class RunContext:
    """A run's folder, its options and display, and whether it has to stop, by a person or its time."""

    folder: RunFolder
    options: RunOptions
    progress: Progress
    stop: Callable[[], bool]
    deadline: Deadline = field(default_factory=Deadline)
