"""``ganbench measure``: workers measure finished trials again; the next call measures the rest."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from ganbench.base.errors import UsageError
from ganbench.base.paths import existing_data_root
from ganbench.base.text import counted
from ganbench.components.column import Column
from ganbench.execution.context import RunContext
from ganbench.execution.described import described
from ganbench.execution.launcher import Launcher
from ganbench.execution.progress.listener import MeasureListener, Progress
from ganbench.execution.remeasure import WHICH, Remeasuring, Request
from ganbench.execution.run_options import RunOptions
from ganbench.execution.supervise.messages import Ending, Event, TrialRequest
from ganbench.execution.supervise.stopping import stop_on_signals
from ganbench.execution.threads import recorded_threads
from ganbench.grid.metrics import bind_metrics, split_specs
from ganbench.registry.lookup import default_registry
from ganbench.store.frames import load_results
from ganbench.store.measurements import measurement_file
from ganbench.store.run_folder import RunFolder
from ganbench.store.trial_folder import TrialFolder


@dataclass
class MeasureResult:
    """The result of measuring trials again.

    :ivar path: the run folder.
    :ivar measured: ids of the trials that were measured now.
    :ivar known: ids of those that had been measured so before.
    :ivar failed: id -> why a trial could not be measured.
    :ivar interrupted: whether a person stopped it; the next call measures the rest.
    """

    path: Path
    measured: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    def __str__(self) -> str:
        """How many trials were measured, and which were not."""
        parts = [f"{counted(len(self.measured), 'trial')} measured in {self.path}"]
        parts += [f"{len(self.known)} measured before"] if self.known else []
        failed = [f"{trial} is not measured: {reason}" for trial, reason in self.failed.items()]
        return "\n".join([", ".join(parts), *failed])

    @property
    def results(self) -> pd.DataFrame:
        """All rows of the run, with the new columns."""
        return load_results(self.path)


def measure(
    run: str | Path,
    trials: Sequence[str] = (),
    *,
    metrics: str | Sequence[str] = (),
    extractor: str | Sequence[str] = (),
    samples: int | None = None,
    which: str = "last",
    jobs: int | str = "auto",
    device: str | None = None,
    executor: str | None = None,
    timeout: str | float | None = None,
    data_dir: str | Path | None = None,
    listener: MeasureListener | None = None,
) -> MeasureResult:
    """Measure finished trials again from their weights, without training.

    The rows stay as they are: new columns stand beside the old ones, and those of another extractor,
    number of samples or tick carry that in their name, such as ``fd@dinov2`` or ``fd@50000``.

    :param run: the run folder.
    :param trials: ids, parts of them, or selectors; all that ended ``ok`` by default.
    :param metrics: specs; by default those of the trials.
    :param extractor: spec, or several; by default those of the trials.
    :param samples: of each generator; by default as many as in the trials.
    :param which: the ``last`` weights, or those of the ``best`` tick.
    :param jobs: trials at a time, or ``auto``.
    :param device: ``cpu``, ``cuda`` or ``cuda:0``; as in `run`.
    :param executor: ``local`` (worker processes), or ``inline`` (in this process); as in `run`.
    :param timeout: how long one trial may take: seconds, or text such as ``10m``.
    :raises UsageError: for wrong use.
    """
    options = RunOptions.of("measure", device=device, jobs=jobs, executor=executor, timeout=timeout)
    request = Request(
        tuple(split_specs(metrics) if isinstance(metrics, str) else metrics),
        tuple([extractor] if isinstance(extractor, str) else extractor),
        samples,
        which,
    )
    if options.executor == "ray":
        raise UsageError("executor=ray cannot measure; use executor=local or inline")
    root = existing_data_root(data_dir)
    folder = RunFolder(Path(run).absolute()).open()
    _check(request)
    work = _Measuring(folder, request, MeasureResult(Path(run)), listener or MeasureListener())
    wanted = work.wanted(_chosen(folder, trials), root)
    if not wanted and not work.result.known and not work.result.failed:
        raise UsageError(f"{run} has no finished trial to measure")
    _describe(folder, wanted)
    work.run(wanted, root, options)
    return work.result


def _check(request: Request) -> None:
    """Find misspelled names before anything is read."""
    bind_metrics(request.metrics, default_registry())
    for spec in request.extractors:
        default_registry().bind("extractor", spec)
    if request.which not in WHICH:
        raise UsageError(f"which must be {' or '.join(WHICH)}, not {request.which!r}")
    if request.samples is not None and not 2 <= request.samples < 2**32:
        raise UsageError(f"samples must be a whole number from 2 on, not {request.samples!r}")


def _chosen(folder: RunFolder, names: Sequence[str]) -> list[TrialFolder]:
    """The named trials; by default all that ended well."""
    if names:
        found = {trial.id: trial for name in names for trial in _named(folder, name)}
        return list(found.values())
    return [trial for trial in folder.trials() if _status(trial) == "ok"]


def _named(folder: RunFolder, name: str) -> list[TrialFolder]:
    """The trials that a selector names and that ended well; raises UsageError without any."""
    found = folder.select(name)
    ok = [trial for trial in found if _status(trial) == "ok"]
    if not ok:
        status = _status(found[0])
        how = "is not finished" if status is None else f"ended as {status}"
        raise UsageError(f"trial {found[0].id} {how}; only trials that ended ok are measured")
    return ok


def _status(trial: TrialFolder) -> str | None:
    row = trial.read_row()
    return None if row is None else str(row["status"])


def _describe(folder: RunFolder, wanted: Iterable[Remeasuring]) -> None:
    """Describe the new columns before any trial has them."""
    found: dict[str, Column] = {}
    for one in wanted:
        for column in described(one.plan):
            name = one.column(column.name)
            spread = column.spread_of and one.column(column.spread_of)
            marks = name.removeprefix(column.name).lstrip("@:")
            label = f"{column.title}, {marks}" if marks else column.title
            found.setdefault(name, replace(column, name=name, spread_of=spread, label=label))
    folder.describe(found.values())


class _Measuring:
    """Gives trials to workers until all are measured."""

    def __init__(
        self, folder: RunFolder, request: Request, result: MeasureResult, listener: MeasureListener
    ) -> None:
        self._folder, self._request, self._listener = folder, request, listener
        self.result = result
        self._running: dict[str, float | None] = {}

    def wanted(self, trials: Iterable[TrialFolder], root: Path) -> list[Remeasuring]:
        """The work that is left; the result says which trials need none, or cannot be measured."""
        wanted = []
        for trial in trials:
            try:
                resolved = Remeasuring.of(trial, self._request, root)
            except UsageError as error:
                self._fail(trial.id, str(error))
                continue
            if measurement_file(trial, resolved.name).is_file():
                self.result.known.append(trial.id)
            else:
                wanted.append(resolved)
        return wanted

    def run(self, wanted: Sequence[Remeasuring], root: Path, options: RunOptions) -> None:
        """Measure; a signal stops it, and keeps what was measured."""
        self._listener.begin(len(wanted))
        if not wanted:
            return
        waiting = deque(wanted)
        with stop_on_signals() as stop:
            run = RunContext(self._folder, options, Progress(), stop)
            launcher = Launcher(run, {}, root, most=len(wanted))
            workers = launcher.workers()
            try:
                while (waiting or self._running) and not stop():
                    for slot in workers.executor.free():
                        if waiting:
                            workers.executor.submit(slot, self._begin(waiting.popleft()))
                    for event in workers.poll(0.2):
                        self._handle(event)
                    workers.end_late(self._running, options.timeout)
            except KeyboardInterrupt:
                self.result.interrupted = True
            finally:
                for trial in list(self._running):
                    workers.executor.kill(trial, Ending("interrupted", "stopped on request"))
                launcher.close()
        self.result.interrupted = self.result.interrupted or bool(waiting or self._running)

    def _begin(self, one: Remeasuring) -> TrialRequest:
        self._running[one.folder.id] = None
        path, group = str(self._folder.path.resolve()), one.plan.dataset.spec
        measure = self._request.as_dict()
        threads = recorded_threads(one.folder) or 0  # the same metric gives the bits of the row
        return TrialRequest(one.folder.id, path, group=group, threads=threads, measure=measure)

    def _handle(self, event: Event) -> None:
        what, trial = event["event"], event.get("trial", "")
        if what == "say":
            self._listener.say(event["text"])
        elif trial not in self._running:
            return
        elif what == "started":
            self._running[trial] = time.monotonic()
        elif what in ("ended", "lost", "storage"):
            del self._running[trial]
            if what == "ended" and event["status"] == "ok":
                self.result.measured.append(trial)
                self._listener.done(trial, dict(event.get("values") or {}))
            else:
                self._fail(trial, str(event.get("error") or event.get("problem")))

    def _fail(self, trial: str, reason: str) -> None:
        self.result.failed[trial] = reason
        self._listener.failed(trial, reason)
