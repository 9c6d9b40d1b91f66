"""A slot of the local executor: its worker, and what the worker does."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from ganbench.execution.supervise.logfile import LogFile
from ganbench.execution.supervise.messages import Slot, TrialRequest
from ganbench.execution.supervise.worker_process import WorkerProcess

_OUTPUT_TAIL = 4096


@dataclass(eq=False)
class WorkerSlot:
    """A slot, its worker if there is one, and what the worker does.

    :ivar ready: whether the worker has loaded its libraries.
    :ivar preparing: the group whose data it loads.
    :ivar reported: whether it has reported the end of its trial.
    :ivar kills_before: `oom_kills` when it was given its work.
    :ivar deadline: monotonic time at which it is ended for the reason ``overdue``; 0: never.
    """

    slot: Slot
    worker: WorkerProcess | None = None
    ready: bool = False
    request: TrialRequest | None = None
    preparing: str = ""
    reported: bool = False
    log: LogFile | None = None
    kills_before: int = 0
    deadline: float = 0.0
    overdue: str = ""
    _tail: deque[bytes] = field(default_factory=lambda: deque(maxlen=4))

    @property
    def busy(self) -> bool:
        return self.request is not None or bool(self.preparing)

    @property
    def trial(self) -> str | None:
        return None if self.request is None else self.request.trial

    @property
    def late(self) -> bool:
        return self.worker is not None and 0 < self.deadline < time.monotonic()

    @property
    def last_output(self) -> bytes:
        return b"".join(self._tail)

    def set_deadline(self, seconds: float, overdue: str) -> None:
        """Give the worker so long for its next event."""
        self.deadline, self.overdue = time.monotonic() + seconds, overdue

    def occupy(self, worker: WorkerProcess) -> None:
        self.worker, self.ready = worker, False
        self._tail.clear()

    def vacate(self) -> WorkerProcess:
        """Give up the worker, for another one to take its place."""
        worker = self.worker
        assert worker is not None
        self.worker, self.slot.group = None, ""
        self.release()
        return worker

    def release(self) -> None:
        self.request, self.preparing, self.reported, self.deadline = None, "", False, 0.0
        if self.log is not None:
            self.log.close()
            self.log = None

    def take_output(self) -> None:
        """Append what the worker has printed to the trial's log."""
        assert self.worker is not None
        data = self.worker.read_output()
        if data:
            self._tail.append(data[-_OUTPUT_TAIL:])
            if self.log is not None:
                self.log.write(data)
