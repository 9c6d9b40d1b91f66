"""Trials in the calling process: no protection, but breakpoints work and objects can be passed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch

from ganbench.errors import UsageError
from ganbench.execution.callbacks import Audience
from ganbench.execution.host import TrialHost
from ganbench.execution.orders import Emit, Ending, Order, Setup, Slot
from ganbench.execution.resources import Resources
from ganbench.grid.cell import Trial
from ganbench.results.store import TrialFolder


class InlineExecutor:
    """Runs each trial within `poll`.

    :param stop: whether a person wants the run to stop.
    """

    def __init__(
        self,
        setup: Setup,
        trials: Mapping[str, Trial],
        audience: Audience,
        emit: Emit,
        stop: Callable[[], bool],
    ) -> None:
        if setup.memory_limit is not None:
            raise UsageError("a memory limit needs a worker process: executor local")
        self._emit, self._stop = emit, stop
        self._stopping = False
        self._work: list[Callable[[], None]] = []
        self._slot = Slot("inline")
        self._resources = Resources(
            Path(setup.root), Path(setup.cache), torch.device(setup.device), self._say
        )
        self._host = TrialHost(
            self._resources,
            trials,
            audience,
            emit,
            self._should_stop,
            _redirected,
            setup.keep_results,
        )

    def free(self) -> Sequence[Slot]:
        return [] if self._work else [self._slot]

    def prepare(self, slot: Slot, group: str, trial: str) -> None:
        self._work.append(lambda: self._host.prepare(group, trial))

    def submit(self, slot: Slot, order: Order) -> None:
        slot.group = order.group
        self._work.append(lambda: self._run(order))

    def poll(self, seconds: float) -> None:
        if not self._work:
            time.sleep(seconds)
        while self._work:
            self._work.pop()()

    def stop(self, trial: str) -> None:
        self._stopping = True

    def kill(self, trial: str, ending: Ending) -> None:
        # Nobody can end it but itself; that this is asked for means that it was left by an exception.
        self._emit({"event": "lost", "trial": trial, **vars(ending)})

    def close(self) -> None:
        return

    def _run(self, order: Order) -> None:
        self._stopping = False
        self._host.run(order)

    def _should_stop(self) -> bool:
        return self._stopping or self._stop()

    def _say(self, text: str) -> None:
        self._emit({"event": "say", "text": text})


@contextlib.contextmanager
def _redirected(folder: TrialFolder) -> Iterator[None]:
    """Python's output into the trial's log."""
    with (
        folder.log_txt.open("a", encoding="utf-8", errors="replace", buffering=1) as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        yield
