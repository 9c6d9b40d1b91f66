"""Trials in this process: no protection, but breakpoints work and objects can be passed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch

from ganbench.execution.supervise.callbacks import Audience
from ganbench.execution.supervise.messages import Emit, Ending, Slot, TrialRequest, WorkerSetup
from ganbench.execution.supervise.trial_runner import TrialRunner
from ganbench.grid.cell import Trial
from ganbench.store.trial_folder import TrialFolder


class InlineExecutor:
    """Runs each trial within `poll`.

    :param stop: whether a person wants the run to stop.
    """

    def __init__(
        self,
        setup: WorkerSetup,
        trials: Mapping[str, Trial],
        audience: Audience,
        emit: Emit,
        stop: Callable[[], bool],
    ) -> None:
        if setup.threads is not None:
            torch.set_num_threads(setup.threads)
        self._emit = emit
        self._stopping = False
        self._work: list[Callable[[], None]] = []
        self._slot = Slot("inline")
        self._runner = TrialRunner(
            setup, emit, lambda: self._stopping or stop(), trials, audience, _redirected
        )

    def free(self) -> Sequence[Slot]:
        return [] if self._work else [self._slot]

    def prepare(self, slot: Slot, group: str, trial: str) -> None:
        self._work.append(lambda: self._prepare(group, trial))

    def submit(self, slot: Slot, request: TrialRequest) -> None:
        slot.group = request.group
        self._work.append(lambda: self._run(request))

    def poll(self, seconds: float) -> None:
        if not self._work:
            time.sleep(seconds)
        while self._work:
            self._work.pop()()

    def stop(self, trial: str) -> None:
        self._stopping = True

    def kill(self, trial: str, ending: Ending) -> None:
        # Nothing but the trial can end it: an exception has left it already.
        self._emit({"event": "lost", "trial": trial, **vars(ending)})

    def close(self) -> None:
        self._runner.process.close()

    def _prepare(self, group: str, trial: str) -> None:
        self._runner.process.clean_up_torch()
        self._runner.prepare(group, trial)

    def _run(self, request: TrialRequest) -> None:
        self._stopping = False
        self._runner.process.clean_up_torch()
        self._runner.run(request)


@contextlib.contextmanager
def _redirected(folder: TrialFolder) -> Iterator[None]:
    """Python's output into the trial's log."""
    with (
        folder.log_txt.open("a", encoding="utf-8", errors="replace", buffering=1) as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        yield
