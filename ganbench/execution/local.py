"""Running trials one after another in this process, each of them guarded."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import torch

from ganbench.errors import InterruptedTraining, UsageError
from ganbench.execution.callbacks import Audience
from ganbench.execution.progress import Progress
from ganbench.execution.resources import Resources
from ganbench.execution.trial import TrialRun, base_row, device_name
from ganbench.grid.cell import Trial
from ganbench.registry.guard import one_line
from ganbench.results.store import TrialFolder


class LocalRunner:
    """Runs trials in this process; whatever a trial raises becomes its row."""

    def __init__(
        self,
        resources: Resources,
        audience: Audience,
        progress: Progress,
        should_stop: Callable[[], bool],
    ) -> None:
        self._resources, self._audience = resources, audience
        self._progress, self._should_stop = progress, should_stop

    def run(self, trial: Trial, folder: TrialFolder) -> dict[str, Any]:
        """The trial's row, which has been written.

        :raises InterruptedTraining: after a row with the status ``interrupted`` was written.
        """
        identity = trial.identity()
        folder.write_identity(identity)
        with (
            folder.log_txt.open("a", encoding="utf-8", errors="replace", buffering=1) as log,
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
        ):
            self._audience.started(identity, folder.path)
            try:
                row = self._run(trial, folder, identity)
            except InterruptedTraining as stop:
                folder.write_row(stop.row or self._failed(trial, "interrupted", str(stop)))
                raise
            except (Exception, SystemExit) as error:  # a plugin must not end its host
                traceback.print_exc()
                row = self._failed(trial, _status_of(error), _sentence(error))
            folder.write_row(row)
            self._audience.ended(identity, row)
        return row

    def _run(
        self, trial: Trial, folder: TrialFolder, identity: Mapping[str, Any]
    ) -> dict[str, Any]:
        resources = self._resources
        evaluator = resources.evaluator(trial.cell)
        return TrialRun(
            trial,
            folder,
            resources.training_data(trial.cell),
            evaluator,
            resources.device,
            self._should_stop,
            self._progress.update,
            lambda record: self._audience.tick(identity, record),
        ).run()

    def _failed(self, trial: Trial, status: str, error: str) -> dict[str, Any]:
        device = device_name(self._resources.device)
        return base_row(trial) | {"status": status, "error": error, "device": device}


def _status_of(error: BaseException) -> str:
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "oom"
    # The CPU's allocator has no error class of its own.
    if isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error):
        return "oom"
    return "error"


def _sentence(error: BaseException) -> str:
    return str(error) if isinstance(error, UsageError) else one_line(error)
