"""Before training: data and evaluators, so that what a person must mend shows at once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from ganbench.errors import UsageError
from ganbench.execution.backlog import group_of
from ganbench.execution.options import duration
from ganbench.execution.orders import Ending, Event, Executor
from ganbench.execution.progress import Progress
from ganbench.grid.cell import Trial


class Preparation:
    """Has an executor make ready what each group of trials shares.

    What a third party's code does wrong meanwhile is left to its trials, whose rows will tell.

    :param events: where the executor's events arrive.
    :param stop: whether a person wants the run to stop.
    :param timeout: seconds that a group may take, or None.
    """

    def __init__(
        self,
        executor: Executor,
        events: deque[Event],
        progress: Progress,
        stop: Callable[[], bool],
        timeout: float | None,
    ) -> None:
        self._executor, self._events, self._progress = executor, events, progress
        self._stop, self._timeout = stop, timeout
        self._since: dict[str, float] = {}

    def run(self, trials: Sequence[Trial]) -> bool:
        """Prepare the groups of these trials.

        :return: False if the run was stopped meanwhile.
        :raises UsageError: for data or weights that are not to be had.
        """
        groups: dict[str, str] = {}
        for trial in trials:
            groups.setdefault(group_of(trial.cell), trial.id)
        waiting = list(groups.items())  # taken from the end: what is needed first stays loaded
        while waiting or self._since:
            if self._stop():
                return False
            while waiting and (slots := self._executor.free()):
                group, trial_id = waiting.pop()
                self._since[group] = time.monotonic()
                self._executor.prepare(slots[0], group, trial_id)
            self._executor.poll(0.2)
            while self._events:
                self._handle(self._events.popleft())
            self._keep_time()
        return True

    def _handle(self, event: Event) -> None:
        if event["event"] == "say":
            self._progress.say(event["text"])
        elif event["event"] == "prepared":
            self._since.pop(event["group"], None)
            if event["problem"] is not None:
                raise UsageError(event["problem"])
        elif event["event"] == "lost":
            self._since.pop(event["group"], None)
            self._progress.say(f"{event['group']}: {event['error']} while it was prepared")

    def _keep_time(self) -> None:
        """End what takes too long."""
        limit = self._timeout
        for group, begun in list(self._since.items()):
            if limit is not None and time.monotonic() - begun > limit:
                self._executor.kill(group, Ending("timeout", f"took longer than {duration(limit)}"))
