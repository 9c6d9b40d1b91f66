"""``ganbench measure``: finished trials measured again by workers; what is missing is done next time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ganbench.components.column import Column
from ganbench.errors import UsageError
from ganbench.execution.callbacks import Audience
from ganbench.execution.described import described
from ganbench.execution.inline import InlineExecutor
from ganbench.execution.interrupt import stop_on_signals
from ganbench.execution.local import LocalExecutor
from ganbench.execution.options import RunOptions, duration
from ganbench.execution.orders import Ending, Event, Executor, Order, Setup
from ganbench.execution.placement import choose_device, place
from ganbench.execution.remeasuring import WHICH, Remeasuring, Request
from ganbench.grid.metrics import bind_metrics, split_specs
from ganbench.paths import cache_root, data_root
from ganbench.registry.lookup import default_registry
from ganbench.results.measurements import measurement_file
from ganbench.results.store import RunFolder, TrialFolder

if TYPE_CHECKING:
    import pandas


@dataclass
class MeasureResult:
    """What became of a request.

    :ivar path: the run folder.
    :ivar measured: ids of the trials that were measured now.
    :ivar known: ids of those that had been measured so before.
    :ivar failed: id -> why a trial could not be measured.
    :ivar interrupted: whether a person stopped it; what is missing is done next time.
    """

    path: Path
    measured: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def results(self) -> pandas.DataFrame:
        """All rows of the run, with the new columns."""
        from ganbench.results.frames import load_results

        return load_results(self.path)


class Listener(Protocol):
    """Told how far the work is."""

    def begin(self, total: int) -> None:
        """So many trials are to be measured."""

    def done(self, trial: str, values: dict[str, Any]) -> None:
        """A trial is measured."""

    def failed(self, trial: str, reason: str) -> None:
        """A trial cannot be measured."""

    def say(self, sentence: str) -> None:
        """Something that a person should know."""


class Quiet:
    """Says nothing."""

    def begin(self, total: int) -> None: ...
    def done(self, trial: str, values: dict[str, Any]) -> None: ...
    def failed(self, trial: str, reason: str) -> None: ...
    def say(self, sentence: str) -> None: ...


def measure(
    run: str | Path,
    trials: Sequence[str] = (),
    *,
    metrics: str | Sequence[str] = (),
    extractor: str | Sequence[str] = (),
    samples: int | None = None,
    which: str = "last",
    jobs: int | str = 1,
    device: str | None = None,
    executor: str | None = None,
    timeout: float | None = None,
    data_dir: str | Path | None = None,
    listener: Listener | None = None,
) -> MeasureResult:
    """Measure finished trials again from their weights, without training.

    The rows stay as they are: new columns stand beside the old ones, and those of another extractor,
    number of samples or tick carry that in their name, such as ``fd@dinov2`` or ``fd@50000``.

    :param run: the run folder.
    :param trials: ids, or parts of them; all that ended ``ok`` by default.
    :param metrics: specs; by default those of the trials.
    :param extractor: spec, or several; by default those of the trials.
    :param samples: of each generator; by default as many as in the trials.
    :param which: the ``last`` weights, or those of the ``best`` tick.
    :param jobs: trials at a time, or ``auto``.
    :param executor: ``local`` (worker processes), or ``inline`` (in this process); as in `run`.
    :param timeout: seconds that one trial may take.
    :raises UsageError: if something is wrong with what was given; says what.
    """
    options = RunOptions(device=device, jobs=jobs, executor=executor, timeout=timeout)
    request = Request(
        tuple(split_specs(metrics) if isinstance(metrics, str) else metrics),
        tuple([extractor] if isinstance(extractor, str) else extractor),
        samples,
        which,
    )
    if options.executor == "ray":
        raise UsageError("executor ray does not measure; use local or inline")
    root = data_root(data_dir)
    if data_dir is not None and not root.is_dir():
        raise UsageError(f"--data-dir {data_dir}: there is no such folder")
    folder = RunFolder(Path(run).absolute()).open()
    _check(request)
    listener = listener or Quiet()
    result = MeasureResult(Path(run))
    wanted = []
    for trial in _chosen(folder, trials):
        settled = _settled(trial, request, root, result, listener)
        if settled is not None:
            wanted.append(settled)
    if not wanted and not result.known and not result.failed:
        raise UsageError(f"{run} has no finished trial to measure")
    _describe(folder, wanted)
    listener.begin(len(wanted))
    if wanted:
        _Measuring(folder, root, options, request, result, listener).run(wanted)
    return result


def _check(request: Request) -> None:
    """What is misspelt shows before anything is read."""
    bind_metrics(request.metrics, default_registry())
    for spec in request.extractors:
        default_registry().bind("extractor", spec)
    if request.which not in WHICH:
        raise UsageError(f"which must be {' or '.join(WHICH)}, not {request.which!r}")
    if request.samples is not None and not 2 <= request.samples < 2**32:
        raise UsageError(f"samples must be a whole number from 2 on, not {request.samples!r}")


def _chosen(folder: RunFolder, names: Sequence[str]) -> list[TrialFolder]:
    """The trials that are named; by default all that ended well."""
    if names:
        found = {trial.id: trial for trial in map(folder.find, names)}
        for trial in found.values():
            row = trial.read_row()
            if row is None or row["status"] != "ok":
                status = "is not finished" if row is None else f"ended as {row['status']}"
                raise UsageError(
                    f"trial {trial.id} {status}; only trials that ended ok are measured"
                )
        return list(found.values())
    rows = ((trial, trial.read_row()) for trial in folder.trials())
    return [trial for trial, row in rows if row is not None and row["status"] == "ok"]


def _settled(
    trial: TrialFolder, request: Request, root: Path, result: MeasureResult, listener: Listener
) -> Remeasuring | None:
    """What is to be done for a trial; None where nothing is, which the result says."""
    try:
        settled = Remeasuring.of(trial, request, root)
    except UsageError as error:
        result.failed[trial.id] = str(error)
        listener.failed(trial.id, str(error))
        return None
    if measurement_file(trial, settled.name).is_file():
        result.known.append(trial.id)
        return None
    return settled


def _describe(folder: RunFolder, wanted: Iterable[Remeasuring]) -> None:
    """Describe the new columns before there are any."""
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
    """The loop: gives trials to workers until all are measured."""

    def __init__(
        self,
        folder: RunFolder,
        root: Path,
        options: RunOptions,
        request: Request,
        result: MeasureResult,
        listener: Listener,
    ) -> None:
        self._folder, self._root, self._options = folder, root, options
        self._request, self._result, self._listener = request, result, listener
        self._events: deque[Event] = deque()
        self._running: dict[str, float | None] = {}

    def run(self, wanted: Sequence[Remeasuring]) -> None:
        """Measure; a signal stops it, and what is measured by then stays."""
        waiting = deque(wanted)
        with stop_on_signals() as stop:
            executor = self._executor(len(wanted))
            try:
                while (waiting or self._running) and not stop():
                    for slot in executor.free():
                        if waiting:
                            self._submit(executor, slot, waiting.popleft())
                    executor.poll(0.2)
                    self._handle_events()
                    self._keep_time(executor)
            except KeyboardInterrupt:
                self._result.interrupted = True
            finally:
                for trial in list(self._running):
                    executor.kill(trial, Ending("interrupted", "stopped on request"))
                executor.close()
        self._result.interrupted = self._result.interrupted or bool(waiting or self._running)

    def _executor(self, count: int) -> Executor:
        device = choose_device(self._options.device)
        placement = place(device, self._options)
        inline = self._options.executor == "inline"
        setup = Setup(
            grid={},
            root=str(self._root.resolve()),
            cache=str(cache_root().resolve()),
            device=str(device) if inline else placement.device,
            threads=placement.threads,
        )
        if inline:
            return self._inline(setup)
        return LocalExecutor(setup, self._events.append, placement.slots[:count])

    def _inline(self, setup: Setup) -> Executor:
        return InlineExecutor(setup, {}, Audience([]), self._events.append, lambda: False)

    def _submit(self, executor: Executor, slot: Any, one: Remeasuring) -> None:
        self._running[one.folder.id] = None
        group = one.plan.dataset.spec
        executor.submit(
            slot,
            Order(
                one.folder.id,
                str(self._folder.path.resolve()),
                group=group,
                measure=self._request.as_dict(),
            ),
        )

    def _handle_events(self) -> None:
        while self._events:
            event = self._events.popleft()
            trial = event.get("trial", "")
            if event["event"] == "say":
                self._listener.say(event["text"])
            elif event["event"] == "started" and trial in self._running:
                self._running[trial] = time.monotonic()
            elif event["event"] == "ended" and self._running.pop(trial, 0) != 0:
                self._ended(trial, event)
            elif event["event"] in ("lost", "storage") and self._running.pop(trial, 0) != 0:
                self._fail(trial, event.get("error") or event.get("problem"))

    def _ended(self, trial: str, event: Event) -> None:
        if event["status"] != "ok":
            self._fail(trial, event["error"])
            return
        self._result.measured.append(trial)
        self._listener.done(trial, dict(event.get("values") or {}))

    def _fail(self, trial: str, reason: Any) -> None:
        self._result.failed[trial] = str(reason)
        self._listener.failed(trial, str(reason))

    def _keep_time(self, executor: Executor) -> None:
        limit = self._options.timeout
        for trial, since in list(self._running.items()):
            if limit is not None and since is not None and time.monotonic() - since > limit:
                executor.kill(trial, Ending("timeout", f"took longer than {duration(limit)}"))
