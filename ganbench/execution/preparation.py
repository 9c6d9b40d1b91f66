"""A run before its first trial: others see that it lives, and a run that fails leaves no trace."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ganbench.base.clock import utc_now
from ganbench.base.errors import StorageError
from ganbench.base.files import storage_errors
from ganbench.execution.context import RunContext
from ganbench.execution.share.heartbeat import Heartbeat

_BEAT = 2.0  # seconds between heartbeats


class Preparation(contextlib.AbstractContextManager["Preparation"]):
    """The heartbeat of a run from its first second on.

    If the run ends before `begun`, the folders that it made are removed again.

    :ivar heartbeat: None where the folder cannot be written; whoever writes rows there reports it.
    """

    def __init__(self, run: RunContext) -> None:
        self._run, self._started, self._next = run, utc_now(), 0.0
        self.heartbeat: Heartbeat | None = None
        self._begun = False
        folder = run.folder
        places = (folder.supervisors_dir, folder.path, *folder.path.parents)
        self._made = [place for place in places if not place.exists()]

    def __enter__(self) -> Self:
        folder = self._run.folder
        try:
            with storage_errors(folder.path):
                folder.path.mkdir(parents=True, exist_ok=True)
            self.heartbeat = Heartbeat(folder)
        except StorageError:
            self._remove()
        self.beat()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._begun:
            self._remove()
        elif self.heartbeat is not None:
            self.heartbeat.close()

    def begun(self) -> Heartbeat | None:
        """The plan is written; the heartbeat belongs to whoever trains now."""
        self._begun = True
        return self.heartbeat

    def beat(self, total: int | None = None) -> None:
        """Show that the run lives, if it is time to.

        :param total: of the trials to train, once they are known.
        """
        now = time.monotonic()
        if self.heartbeat is None or (now < self._next and total is None):
            return
        self._next = now + _BEAT
        state = {"started": self._started, "preparing": True, "total": total, "left": total}
        with contextlib.suppress(StorageError):
            self.heartbeat.beat({**state, "executor": self._run.options.executor, "running": []})

    def _remove(self) -> None:
        if self.heartbeat is not None:
            self.heartbeat.close()
        for place in self._made:
            _remove_empty(place)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
