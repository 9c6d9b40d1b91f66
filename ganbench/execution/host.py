"""The trial function: what a worker process, this process or a node of a cluster does with an order."""

from __future__ import annotations

import contextlib
import dataclasses
import gc
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from ganbench.errors import (
    ClaimLostError,
    DataNotFoundError,
    GanbenchError,
    InterruptedTraining,
    StorageError,
    UsageError,
)
from ganbench.execution.callbacks import Audience
from ganbench.execution.claims import holds_claim
from ganbench.execution.endings import of_exception, oom_kills, print_traceback
from ganbench.execution.hygiene import ProcessState
from ganbench.execution.neighbours import Neighbours
from ganbench.execution.orders import Emit, Event, Order, Setup, Status
from ganbench.execution.remeasuring import Remeasuring, Request
from ganbench.execution.resources import Resources
from ganbench.execution.trial import TrialRun, base_row, device_name
from ganbench.grid.cell import Trial
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand
from ganbench.registry.guard import one_line
from ganbench.registry.lookup import default_registry
from ganbench.results.measurements import write_measurement
from ganbench.results.store import RunFolder, TrialFolder

#: Where what a trial prints goes; a worker process has its output led away as a whole.
LogTo = Callable[[TrialFolder], AbstractContextManager[Any]]


class TrialHost:
    """Runs trials in this process; whatever a trial raises becomes its row.

    :param trials: the trials that may be ordered, by id.
    :param should_stop: whether the trial at hand is to save its state and stop.
    :param keep_results: whether a checkpoint of components' earlier code is gone on with.
    """

    def __init__(
        self,
        resources: Resources,
        trials: Mapping[str, Trial],
        audience: Audience,
        emit: Emit,
        should_stop: Callable[[], bool],
        log_to: LogTo = lambda folder: contextlib.nullcontext(),
        keep_results: bool = False,
    ) -> None:
        self._keep_results = keep_results
        self._resources, self._trials, self._audience = resources, trials, audience
        self._emit, self._should_stop, self._log_to = emit, should_stop, log_to
        self._state = ProcessState.take()
        #: Whether this process may be unfit for more trials: an error in a kernel spoils CUDA for good.
        self.tainted = False

    @classmethod
    def of(cls, setup: Setup, emit: Emit, should_stop: Callable[[], bool]) -> TrialHost:
        """A host from what a run's trials have in common."""
        root = Path(setup.root)
        planned = expand(Grid.from_dict(setup.grid), root).trials() if setup.grid else ()
        callbacks = [default_registry().bind("callback", s).component for s in setup.callbacks]
        resources = Resources(
            root,
            Path(setup.cache),
            torch.device(setup.device),
            lambda text: emit({"event": "say", "text": text}),
        )
        trials = {trial.id: trial for trial in planned}
        audience, keep = Audience(callbacks), setup.keep_results
        return cls(resources, trials, audience, emit, should_stop, keep_results=keep)

    def clean_up(self) -> None:
        """Undo what the trial before may have done to this process."""
        self._state.restore()
        gc.collect()

    def prepare(self, group: str, trial_id: str) -> None:
        """Load data and evaluator of a trial's group; tells what a person must mend first.

        What a third party's code raises is left to its trials, whose rows will tell.
        """
        problem = None
        try:
            trial = self._trial(trial_id)
            self._resources.training_data(trial.cell)
            self._resources.evaluator(trial.cell)
        except GanbenchError as error:
            problem = str(error)
        except BaseException as error:
            self._say(f"{group}: {one_line(error)}")
        for note in self._resources.notes():
            self._say(f"{group}: {note}")
        self._emit({"event": "prepared", "group": group, "problem": problem})

    def run(self, order: Order) -> None:
        """Train a trial and write its row; ends with the event ``ended`` or ``storage``."""
        folder = RunFolder(order.folder).trial(order.trial)
        try:
            if order.measure is not None:
                self._emit(self._measure(order, folder))
                return
            status, error = self._run(order, folder)
        except StorageError as problem:
            self._emit({"event": "storage", "trial": order.trial, "problem": str(problem)})
            return
        self._emit({"event": "ended", "trial": order.trial, "status": status, "error": error})

    def _measure(self, order: Order, folder: TrialFolder) -> Event:
        """Measure a finished trial again, and write what was found beside its row."""
        assert order.measure is not None
        self._emit({"event": "started", "trial": order.trial})
        kills = oom_kills()
        with self._log_to(folder):
            try:
                settled = Remeasuring.of(folder, Request(**order.measure), self._resources.root)
                content = settled.run(self._resources)
                write_measurement(folder, settled.name, content)
            except StorageError:
                raise
            except BaseException as error:  # a plugin must not end its host
                if isinstance(error, KeyboardInterrupt) and self._should_stop():
                    raise
                print_traceback()
                self.tainted = self._resources.device.type == "cuda"
                status, sentence = of_exception(error, kills)
                return {"event": "ended", "trial": order.trial, "status": status, "error": sentence}
        found = {"status": "ok", "error": None, "values": content["values"]}
        return {"event": "ended", "trial": order.trial, **found}

    def _run(self, order: Order, folder: TrialFolder) -> tuple[str, str | None]:
        """Status and sentence of a trial whose row has been written."""
        trial = self._trial(order.trial)
        identity = trial.identity()
        folder.clean()
        folder.write_identity(identity)
        device = device_name(self._resources.device)
        self._emit({"event": "started", "trial": order.trial, "device": device})
        with self._log_to(folder), Neighbours(_device_key(self._resources.device)) as neighbours:
            self._audience.started(identity, folder.path)
            row = self._row(order, folder, trial, neighbours)
            if row is None:
                return "interrupted", "another run has taken it over"
            folder.write_row(row)
            self._audience.ended(identity, row)
        return row["status"], row["error"]

    def _row(
        self, order: Order, folder: TrialFolder, trial: Trial, neighbours: Neighbours
    ) -> dict[str, Any] | None:
        """The trial's row, whatever happens to it; None if it is not this process's any more."""
        kills, run = oom_kills(), None
        try:
            run = self._make_run(order, folder, trial, neighbours)
            row = run.run()
        except InterruptedTraining as stop:
            row = stop.row or self._without_run(order, trial, "interrupted", str(stop))
        except (StorageError, ClaimLostError) as error:
            if isinstance(error, StorageError):
                raise
            return None
        except DataNotFoundError as error:
            # It will be there again, so the trial has not ended.
            row = self._without_run(order, trial, "interrupted", str(error))
        except BaseException as error:  # a plugin must not end its host
            if isinstance(error, KeyboardInterrupt) and self._should_stop():
                raise
            print_traceback()
            self.tainted = self._resources.device.type == "cuda"
            row = self._failed(order, trial, run, *of_exception(error, kills))
        if not _holds(order, folder):
            return None
        return row

    def _make_run(
        self, order: Order, folder: TrialFolder, trial: Trial, neighbours: Neighbours
    ) -> TrialRun:
        resources, identity = self._resources, trial.identity()

        def watch(status: Status) -> None:
            neighbours.alone()
            self._emit({"event": "status", "trial": order.trial, **dataclasses.asdict(status)})

        def on_tick(record: Mapping[str, Any]) -> None:
            self._audience.tick(identity, record)
            self._emit({"event": "tick", "trial": order.trial, "record": dict(record)})

        evaluator = resources.evaluator(trial.cell)
        return TrialRun(
            trial,
            folder,
            resources.training_data(trial.cell),
            evaluator,
            resources.device,
            attempt=order.attempt,
            should_stop=self._should_stop,
            watch=watch,
            on_tick=on_tick,
            holds=lambda: _holds(order, folder),
            exclusive=neighbours.alone,
            keep_results=self._keep_results,
        )

    def _failed(
        self, order: Order, trial: Trial, run: TrialRun | None, status: str, error: str
    ) -> dict[str, Any]:
        """A row with what is known of the trial, which may be little."""
        try:
            if run is not None:
                return run.failed(status, error)
        except Exception:
            print_traceback()
        return self._without_run(order, trial, status, error)

    def _without_run(self, order: Order, trial: Trial, status: str, error: str) -> dict[str, Any]:
        device = device_name(self._resources.device)
        known = {"status": status, "error": error, "device": device, "attempts": order.attempt}
        return base_row(trial) | known

    def _trial(self, trial_id: str) -> Trial:
        try:
            return self._trials[trial_id]
        except KeyError:
            raise UsageError(
                f"a worker does not know trial {trial_id}: data or plugins changed since the run began"
            ) from None

    def _say(self, text: str) -> None:
        self._emit({"event": "say", "text": text})


def _holds(order: Order, folder: TrialFolder) -> bool:
    return not order.owner or holds_claim(folder, order.owner)


def _device_key(device: torch.device) -> str:
    """A name of the device for all processes of this machine."""
    if device.type != "cuda":
        return "cpu"
    return f"cuda-{torch.cuda.get_device_properties(device).uuid}"
