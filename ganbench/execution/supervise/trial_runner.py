"""Trials in this process: in a worker process, on a node of a cluster, or inline."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from ganbench.base.devices import device_key, device_name, gpu_uuid
from ganbench.base.errors import (
    ContractError,
    DataNotFoundError,
    GanbenchError,
    InterruptedTraining,
    LeaseLostError,
    StorageError,
    UsageError,
    one_line,
)
from ganbench.base.stop_requests import StopRequested, stoppable
from ganbench.execution.remeasure import Remeasuring, Request
from ganbench.execution.resources import Resources
from ganbench.execution.share.device_sharing import DeviceSharing
from ganbench.execution.share.gpu_users import GpuUsers
from ganbench.execution.share.leases import holds_lease
from ganbench.execution.supervise.callbacks import Audience
from ganbench.execution.supervise.endings import of_exception, oom_kills, print_traceback
from ganbench.execution.supervise.followers import Followers
from ganbench.execution.supervise.messages import Emit, Event, Status, TrialRequest, WorkerSetup
from ganbench.execution.supervise.process_care import ProcessCare
from ganbench.execution.threads import PLACE
from ganbench.grid.cell import Names, Trial
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand
from ganbench.registry.lookup import default_registry
from ganbench.store.measurements import only_measurer, write_measurement
from ganbench.store.run_folder import RunFolder
from ganbench.store.trial_folder import TrialFolder
from ganbench.training.last_trainer import LastTrainer
from ganbench.training.row_builder import Row, RowBuilder
from ganbench.training.threads import suitable_threads
from ganbench.training.trial_context import TrialContext
from ganbench.training.trial_loop import TrialLoop

#: Redirects what a trial prints; a worker process redirects its output as a whole.
LogTo = Callable[[TrialFolder], AbstractContextManager[Any]]


class TrialRunner:
    """Runs trials in this process. Whatever a trial raises becomes its row.

    :param should_stop: whether the present trial has to save its state and stop.
    :param trials: those that may be requested, by id; by default the setup's grid is expanded.
    :param audience: by default the callbacks that the setup's options name.
    :ivar process: care for this process between trials.
    """

    def __init__(
        self,
        setup: WorkerSetup,
        emit: Emit,
        should_stop: Callable[[], bool],
        trials: Mapping[str, Trial] | None = None,
        audience: Audience | None = None,
        log_to: LogTo = lambda folder: contextlib.nullcontext(),
    ) -> None:
        self._emit, self._should_stop, self._log_to = emit, should_stop, log_to
        root, cache, bind = Path(setup.root), Path(setup.cache), default_registry().bind
        if trials is None:
            planned = expand(Grid.from_dict(setup.grid), root).trials() if setup.grid else ()
            trials = {trial.id: trial for trial in planned}
        if audience is None:
            specs = setup.options.callbacks
            audience = Audience([bind("callback", spec).component for spec in specs], self._say)
        self._trials, self._audience = trials, audience
        self._setup, self._keep_results = setup, setup.options.keep_results
        self._device = device = torch.device(setup.device)
        self._resources = Resources(root, cache, device, self._say, setup.gpu_share)
        self.process = ProcessCare(device, setup.options.gpus_per_trial)
        self._trainer = LastTrainer()

    def prepare(self, group: str, trial_id: str) -> None:
        """Load data and evaluator of a trial's group, and report what a person has to mend first.

        Errors of third-party code are left to the trials, whose rows report them.
        """
        problem = None
        try:
            trial = self._trial(trial_id)
            self._trainer.expect(trial.cell)
            with stoppable(self._should_stop):
                self._resources.training_data(trial.cell)
                self._resources.evaluator(trial.cell)
        except StopRequested:
            pass  # whoever asked for it knows
        except ContractError as error:
            self._say(f"{group}: {error}")
        except GanbenchError as error:
            problem = str(error)
        except BaseException as error:
            self._say(f"{group}: {one_line(error)}")
            self.process.note(error)
        for note in self._resources.notes():
            self._say(f"{group}: {note}")
        self.process.release_memory()
        clean = not self.process.tainted
        self._emit({"event": "prepared", "group": group, "problem": problem, "clean": clean})

    def run(self, order: TrialRequest) -> None:
        """Train a trial and write its row, or measure it; the last event is ``ended`` or ``storage``."""
        folder = RunFolder(order.folder).trial(order.trial)
        act = self._train if order.measure is None else self._measure
        try:
            self._emit({"event": "ended", "trial": order.trial, **act(order, folder)})
        except StorageError as problem:
            self._emit({"event": "storage", "trial": order.trial, "problem": str(problem)})
        self.process.release_memory()

    def _measure(self, order: TrialRequest, folder: TrialFolder) -> Event:
        """Measure a finished trial again, and write the values beside its row."""
        assert order.measure is not None
        self._set_threads(order)
        self._emit({"event": "started", "trial": order.trial})
        kills = oom_kills()
        with self._log_to(folder), self._sharing():
            try:
                plan = Remeasuring.of(folder, Request(**order.measure), self._resources.root)
                with only_measurer(folder, plan.name) as known:
                    content = plan.run(self._resources) if known is None else known
                    if known is None:
                        write_measurement(folder, plan.name, content)
            except StorageError:
                raise
            except BaseException as error:  # a plugin must not end this process
                status, sentence = self._ending(error, kills)
                return {"status": status, "error": sentence}
        return {"status": "ok", "error": None, "values": content["values"]}

    def _train(self, order: TrialRequest, folder: TrialFolder) -> Event:
        names = Names(order.trial, order.cell) if order.planned else None
        trial = dataclasses.replace(self._trial(order.planned or order.trial), stored=names)
        self._set_threads(order, trial)
        identity = trial.identity()
        folder.clean()
        rows = RowBuilder(trial, order.attempt, device_name(self._device), torch.get_num_threads())
        place = {"threads": rows.threads, "device": rows.device}
        folder.write_identity({**identity, PLACE: place})
        self._emit({"event": "started", "trial": order.trial, **place})
        with self._log_to(folder), self._sharing(_replicas(trial)) as sharing:
            self._audience.started(identity, folder.path)
            row = self._row(order, folder, rows, sharing)
            if row is None:
                return {"status": "interrupted", "error": "another run has taken it over"}
            folder.write_row(row)
            self._audience.ended(identity, row)
        return {"status": row["status"], "error": row["error"]}

    def _set_threads(self, order: TrialRequest, trial: Trial | None = None) -> None:
        """Give the process as many threads as the order says, or as suit the trial."""
        threads = order.threads or order.most_threads
        if trial is not None and not order.threads and self._device.type == "cpu":
            threads = suitable_threads(trial.cell, order.most_threads)
        if threads and threads != torch.get_num_threads():
            torch.set_num_threads(threads)

    def _row(
        self, order: TrialRequest, folder: TrialFolder, rows: RowBuilder, sharing: DeviceSharing
    ) -> Row | None:
        """The trial's row, whatever happens to it; None if the lease is lost."""
        kills, loop = oom_kills(), None
        try:
            with (
                stoppable(self._should_stop),
                Followers(self._setup, order, _replicas(rows.trial)) as followers,
            ):
                loop = self._make_loop(order, folder, rows.trial, sharing, followers)
                row = loop.run()
            self._trainer.keep(loop.trainer)
        except InterruptedTraining as stop:
            row = stop.row or rows.ended("interrupted", str(stop))
        except StopRequested:
            row = rows.ended("interrupted", "stopped on request before its training began")
        except StorageError:
            raise
        except LeaseLostError:
            return None
        except DataNotFoundError as error:
            # The data may come back, so the trial has not ended.
            row = rows.ended("interrupted", str(error))
        except BaseException as error:  # a plugin must not end this process
            row = _failed(rows, loop, *self._ending(error, kills))
        return row if _holds(order, folder) else None

    def _ending(self, error: BaseException, kills: int) -> tuple[str, str]:
        """Status and sentence of what a trial raised; a second request to stop goes through."""
        if isinstance(error, KeyboardInterrupt) and self._should_stop():
            raise error
        print_traceback()
        self.process.note(error)
        return of_exception(error, kills)

    @contextlib.contextmanager
    def _sharing(self, replicas: int = 1) -> Iterator[DeviceSharing]:
        """Watches who else uses the device, and those of the other replicas."""
        device = self._device
        if device.type != "cuda":
            with DeviceSharing(device_key(device)) as sharing:
                yield sharing
            return
        users = GpuUsers(gpu_uuid(device))
        further = [torch.device("cuda", rank) for rank in range(1, replicas)]
        with contextlib.ExitStack() as stack:
            more = [stack.enter_context(DeviceSharing(device_key(one))) for one in further]

            def others() -> bool:
                return users.others() or not all(one.alone() for one in more)

            yield stack.enter_context(DeviceSharing(device_key(device), others=others))

    def _make_loop(
        self,
        order: TrialRequest,
        folder: TrialFolder,
        trial: Trial,
        sharing: DeviceSharing,
        followers: Followers,
    ) -> TrialLoop:
        resources, identity = self._resources, trial.identity()

        def watch(status: Status) -> None:
            sharing.alone()
            self._emit({"event": "status", "trial": order.trial, **dataclasses.asdict(status)})

        def on_tick(record: Mapping[str, Any]) -> None:
            self._audience.tick(identity, record)
            self._emit({"event": "tick", "trial": order.trial, "record": dict(record)})

        context = TrialContext(
            attempt=order.attempt,
            keep_results=self._keep_results,
            base=RunFolder(order.folder).trial(order.base) if order.base else None,
            should_stop=self._should_stop,
            watch=watch,
            on_tick=on_tick,
            holds=lambda: _holds(order, folder),
            exclusive=sharing.alone,
        )
        self._trainer.expect(trial.cell)
        evaluator = resources.evaluator(trial.cell)
        data = resources.training_data(trial.cell)
        replicas = followers.join(self._device)
        make = functools.partial(self._trainer.take, replicas=replicas)
        return TrialLoop(trial, folder, data, evaluator, self._device, context, make)

    def _trial(self, trial_id: str) -> Trial:
        try:
            return self._trials[trial_id]
        except KeyError:
            raise UsageError(
                f"a worker does not know trial {trial_id}: data or plugins changed since the run began"
            ) from None

    def _say(self, text: str) -> None:
        self._emit({"event": "say", "text": text})


def _failed(rows: RowBuilder, loop: TrialLoop | None, status: str, error: str) -> Row:
    """A row with what is known of the trial, which may be little."""
    try:
        if loop is not None:
            return loop.failed(status, error)
    except Exception:
        print_traceback()
    return rows.ended(status, error)


def _replicas(trial: Trial) -> int:
    return trial.cell.training.settings.replicas


def _holds(order: TrialRequest, folder: TrialFolder) -> bool:
    return not order.owner or holds_lease(folder, order.owner)
