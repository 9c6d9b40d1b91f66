"""What all parts of one run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ganbench.execution.progress.listener import Progress
from ganbench.execution.run_options import RunOptions
from ganbench.store.run_folder import RunFolder


@dataclass(frozen=True)
class RunContext:
    """A run's folder, its options, its display, and whether a person wants it to stop."""

    folder: RunFolder
    options: RunOptions
    progress: Progress
    stop: Callable[[], bool]
