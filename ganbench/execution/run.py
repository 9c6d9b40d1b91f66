"""`run`: a grid from its names to its rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.errors import UsageError
from ganbench.execution.auto import as_begun, settled
from ganbench.execution.options import RunOptions, parse_seconds, parse_size
from ganbench.execution.remains import Remains, write_skipped
from ganbench.grid.budget import Budget, parse_budget
from ganbench.grid.cell import Trial
from ganbench.grid.grid import AXES, Grid
from ganbench.grid.plan import Plan, expand
from ganbench.paths import cache_problem, cache_root, data_root
from ganbench.registry.lookup import default_registry
from ganbench.results.schema import ENDED_WELL
from ganbench.results.store import RunFolder

if TYPE_CHECKING:
    import pandas

    from ganbench.components.callback import Callback
    from ganbench.execution.orders import Event, Executor, Setup
    from ganbench.execution.placement import Placement
    from ganbench.execution.preparation import Preparation
    from ganbench.execution.progress import Progress
    from ganbench.execution.ray import RayExecutor
    from ganbench.execution.supervisor import Supervisor

EXIT_OK, EXIT_FAILED, EXIT_NOTHING, EXIT_INTERRUPTED = 0, 1, 5, 130


@dataclass(frozen=True)
class RunResult:
    """What came of a run.

    :ivar folder: the run folder.
    :ivar results: one row per trial of this grid, as `ganbench.load_results` gives them.
    :ivar trained: how many trials were trained now; the others were done before, or skipped.
    :ivar interrupted: whether the run was stopped before its end.
    """

    folder: Path
    results: pandas.DataFrame
    trained: int
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 all well, 1 some trial failed, 5 nothing to run, 130 interrupted."""
        if self.interrupted:
            return EXIT_INTERRUPTED
        statuses = [status for status in self.results["status"] if status != "skipped"]
        if not statuses:
            return EXIT_NOTHING
        return EXIT_OK if all(status in ENDED_WELL for status in statuses) else EXIT_FAILED


def run(
    grid: str | Path | Mapping[str, Any] | Grid = "quick",
    out: str | Path | None = None,
    *,
    axes: Mapping[str, str | Sequence[str]] | None = None,
    seeds: int | Sequence[int] | None = None,
    budget: str | Budget | None = None,
    training: Mapping[str, Any] | None = None,
    evaluation: Mapping[str, Any] | None = None,
    data_dir: str | Path | None = None,
    device: str | None = None,
    jobs: int | str = 1,
    threads: int | None = None,
    executor: str | None = None,
    timeout: str | float | None = None,
    retries: int = 0,
    fail_fast: bool = False,
    isolate: bool = False,
    retry_failed: bool = False,
    rerun: str | Sequence[str] = (),
    keep_results: bool = False,
    memory_limit: str | int | None = None,
    gpus_per_trial: float | None = None,
    ray_address: str | None = None,
    store: str | None = None,
    callbacks: Sequence[str | Callback] = (),
    quiet: bool = True,
) -> RunResult:
    """Train and evaluate every trial of a grid that has no row yet.

    Trials run in worker processes, so that none of them can harm this process or another trial.

    :param grid: a shipped grid's name, a grid file, its content as a dict, or a `Grid`.
    :param out: the run folder, ``runs/<name of the grid>`` by default; a run that is there goes on.
    :param axes: specs that replace axes of the grid: ``{"loss": ["hinge"]}``.
    :param seeds: a number of seeds, or the seeds.
    :param budget: such as ``"200000img"``, ``"2000steps"``, ``"60s"``.
    :param training: settings that override the grid's.
    :param evaluation: settings that override the grid's.
    :param data_dir: the data folder; ``$GANBENCH_DATA`` or the user's cache by default.
    :param device: ``"cpu"``, ``"cuda"``, ``"cuda:0"``; the GPU if there is one by default.
    :param jobs: trials at a time, or ``"auto"``.
    :param threads: CPU threads of a trial, 1 by default on the CPU; results are bit-equal for an
        equal number only.
    :param executor: ``"local"`` (worker processes, the default), ``"ray"``, or ``"inline"`` to train in
        this process.
    :param timeout: how long an attempt at a trial may take: seconds, or text such as ``"10m"``.
    :param retries: further attempts at a trial that failed, each from its newest checkpoint.
    :param fail_fast: end the run at the first failure.
    :param isolate: a fresh process for every trial.
    :param retry_failed: go on with trials that failed before.
    :param rerun: specs of components whose trials are trained anew; the old ones are set aside.
    :param keep_results: take results of components whose files were edited since for those of the
        present files, as after a change of comments; by default their trials are trained again.
    :param memory_limit: what a worker may allocate on the CPU: bytes, or text such as ``"4GB"``.
    :param gpus_per_trial: the share of a GPU that a trial gets.
    :param ray_address: of a Ray cluster; the executor ``"ray"`` starts one here by default.
    :param store: URL through which Ray nodes that do not see the run folder hand over files.
    :param callbacks: specs, which follow trials in their worker, or objects, which do so here.
    :param quiet: say nothing on standard error.
    :raises UsageError: for wrong use, before anything is written.
    :raises StorageError: when the run folder cannot be written any more; its rows are as they were.
    """
    from ganbench.execution.progress import make_progress

    configured = configure(grid, axes, seeds, budget, training, evaluation)
    options = RunOptions(
        device=device,
        jobs=jobs,
        threads=threads,
        executor=executor,
        timeout=parse_seconds(timeout),
        retries=retries,
        fail_fast=fail_fast,
        isolate=isolate,
        retry_failed=retry_failed,
        rerun=(rerun,) if isinstance(rerun, str) else tuple(rerun),
        keep_results=keep_results,
        memory_limit=parse_size(memory_limit),
        gpus_per_trial=gpus_per_trial,
        ray_address=ray_address,
        store=store,
        callbacks=tuple(callbacks),
    )
    folder = RunFolder(out if out is not None else default_folder(grid))
    progress = make_progress(quiet)
    try:
        return execute(configured, folder, data_root(data_dir), options, progress)
    finally:
        progress.close()


def configure(
    grid: str | Path | Mapping[str, Any] | Grid,
    axes: Mapping[str, str | Sequence[str]] | None = None,
    seeds: int | Sequence[int] | None = None,
    budget: str | Budget | None = None,
    training: Mapping[str, Any] | None = None,
    evaluation: Mapping[str, Any] | None = None,
) -> Grid:
    """The grid with what was given beside it laid over; raises UsageError."""
    for axis in axes or {}:
        if axis not in AXES:
            raise UsageError(f"unknown axis {axis!r}; the axes are {', '.join(AXES)}")
    given_grid = Grid.load(grid)
    configured = given_grid.with_axes(axes or {})
    if seeds is not None:
        configured = configured.with_seeds(seeds)
    if budget is not None:
        given = budget if isinstance(budget, Budget) else parse_budget(budget)
        configured = replace(configured, budget=given)
    if training or evaluation:
        configured = configured.with_settings(training or {}, evaluation or {})
    return _unpublished(configured) if configured != given_grid else configured


def _unpublished(grid: Grid) -> Grid:
    """A changed recipe makes no claim to the figures of the one that it was."""
    about = {key: value for key, value in grid.about.items() if key == "description"}
    return replace(grid, about={"changed_from": about["description"]} if about else {})


def default_folder(grid: str | Path | Mapping[str, Any] | Grid) -> Path:
    """``runs/<name>`` by the name of the grid or of its file."""
    name = Path(grid).stem if isinstance(grid, (str, Path)) else "grid"
    return Path("runs") / name


def execute(
    grid: Grid,
    folder: RunFolder,
    root: Path,
    options: RunOptions,
    progress: Progress,
    plan: Plan | None = None,
) -> RunResult:
    """Run what a grid has left to do in a folder.

    :param plan: of the grid or of a part of it, if it has been expanded before.
    """
    from ganbench.execution.interrupt import stop_on_signals

    folder.check()
    shown, folder = folder.path, RunFolder(folder.path.absolute())  # whoever changes directory
    if options.executor != "ray" and (warning := cache_problem(cache_root())):
        progress.say(warning)
    with stop_on_signals() as stop:
        grid = as_begun(grid, folder)
        crew = _Crew(grid, folder, root, options, stop)
        try:
            if plan is None:
                chosen = settled(grid, root, cache_root(), progress.say)
                if any(chosen.auto[name] != grid.auto.get(name, name) for name in chosen.auto):
                    crew.close()  # its workers plan the grid with another extractor
                    crew = _Crew(chosen, folder, root, options, stop)
                plan = expand(chosen, root)
            trials = list(plan.trials())
            _refuse_stale(trials)
            remains = Remains(folder, trials, options.keep_results)
            left, anew = _left(trials, remains, options)
            for sentence in remains.notices():
                progress.say(sentence)
            interrupted = not crew.preparation(plan, progress).run(left)
            supervisor = crew.supervisor(progress)
            if not interrupted:
                _lay_out(plan, trials, folder)
                remains.mend()
                interrupted = _supervise(supervisor, left, anew)
        finally:
            crew.close()
    if interrupted and not folder.trials_dir.is_dir():
        raise KeyboardInterrupt
    return RunResult(shown, _results(folder, trials, progress), supervisor.trained, interrupted)


def _supervise(supervisor: Supervisor, left: Sequence[Trial], anew: frozenset[str]) -> bool:
    """Whether the run was interrupted."""
    try:
        supervisor.run(left, anew)
    except KeyboardInterrupt:
        return True
    return supervisor.interrupted


class _Crew:
    """The executor and what joins it to the supervisor.

    Workers are started at once, since they load their libraries while the grid is being planned.
    """

    def __init__(
        self,
        grid: Grid,
        folder: RunFolder,
        root: Path,
        options: RunOptions,
        stop: Callable[[], bool],
    ) -> None:
        from ganbench.execution.orders import Setup
        from ganbench.execution.placement import choose_device, place, place_elsewhere

        self._folder, self._options, self._stop = folder, options, stop
        self._events: deque[Event] = deque()
        self._executor: Executor | None = None
        for spec in options.callbacks:
            check_callback(spec)
        inline = options.executor == "inline"
        if options.executor == "ray":
            placement = place_elsewhere(options)
        else:
            device = choose_device(options.device)
            placement = place(device, options)
        self._jobs = max(1, len(placement.slots))
        setup = Setup(
            grid=grid.as_dict(),
            root=str(root.resolve()),
            cache=str(cache_root().resolve()),
            device=str(device) if inline else placement.device,
            threads=options.threads if inline else placement.threads,
            callbacks=[spec for spec in options.callbacks if isinstance(spec, str)],
            memory_limit=options.memory_limit,
            keep_results=options.keep_results,
        )
        self._make = self._maker(setup, placement)

    def preparation(self, plan: Plan, progress: Progress) -> Preparation:
        """What comes before the training of a plan."""
        from ganbench.execution.preparation import Preparation

        if self._executor is None:
            self._executor = self._make(plan)
        timeout = self._options.timeout
        return Preparation(self._executor, self._events, progress, self._stop, timeout)

    def supervisor(self, progress: Progress) -> Supervisor:
        """Who sees the training through, once it has been prepared."""
        from ganbench.execution.callbacks import Audience
        from ganbench.execution.supervisor import Policy, Supervisor

        options = self._options
        assert self._executor is not None
        followers = [] if options.executor == "inline" else _objects(options.callbacks)
        policy = Policy(options.timeout, options.retries, options.fail_fast, options.keep_results)
        return Supervisor(
            self._folder,
            self._executor,
            self._events,
            progress,
            Audience(followers),
            self._stop,
            policy,
            self._jobs,
            str(options.executor),
        )

    def close(self) -> None:
        """End every process."""
        if self._executor is not None:
            self._executor.close()

    def _maker(self, setup: Setup, placement: Placement) -> Callable[[Plan], Executor]:
        options, emit = self._options, self._events.append
        if options.executor == "ray":
            from ganbench.execution.ray import RayExecutor

            return lambda plan: self._on_ray(RayExecutor(setup, emit, self._folder, options))
        if options.executor == "inline":
            return lambda plan: self._inline(setup, plan)
        from ganbench.execution.local import LocalExecutor

        local = LocalExecutor(setup, emit, placement.slots, options.isolate)
        self._executor = local
        local.warm_up()
        return lambda plan: local

    def _on_ray(self, executor: RayExecutor) -> Executor:
        self._jobs = max(1, executor.jobs)
        return executor

    def _inline(self, setup: Setup, plan: Plan) -> Executor:
        import torch

        from ganbench.execution.callbacks import Audience
        from ganbench.execution.inline import InlineExecutor

        if setup.threads is not None:
            torch.set_num_threads(setup.threads)
        bound = [
            default_registry().bind("callback", one).component if isinstance(one, str) else one
            for one in self._options.callbacks
        ]
        trials = {trial.id: trial for trial in plan.trials()}
        return InlineExecutor(setup, trials, Audience(bound), self._events.append, self._stop)


def check_callback(given: str | Callback) -> None:
    """Raise UsageError for a callback that there is not, or that cannot work here."""
    callback = (
        default_registry().bind("callback", given).component if isinstance(given, str) else given
    )
    missing = callback.missing()
    if missing is not None:
        name = given if isinstance(given, str) else type(given).__name__
        raise UsageError(f"callback {name}: {missing}")


def _objects(callbacks: Sequence[str | Callback]) -> list[Callback]:
    return [callback for callback in callbacks if not isinstance(callback, str)]


def _lay_out(plan: Plan, trials: Sequence[Trial], folder: RunFolder) -> None:
    """Write down what is planned, and what cannot work."""
    from ganbench.execution.described import described_plan
    from ganbench.results.files import write_atomically

    folder.create()
    folder.describe(described_plan(plan))
    write_atomically(folder.grid_file, plan.grid.to_toml())
    folder.write_plan({trial.id: f"{trial.cell.label} seed {trial.seed}" for trial in trials})
    for trial in trials:
        if trial.cell.reason is not None:
            write_skipped(trial, folder)


def _left(
    trials: Sequence[Trial], remains: Remains, options: RunOptions
) -> tuple[list[Trial], frozenset[str]]:
    """The trials to train, in the plan's order, and the ids of those to begin anew."""
    from ganbench.grid.match import matching

    workable = [trial for trial in trials if trial.cell.reason is None]
    asked = {trial.id for text in options.rerun for trial in matching(workable, text)}
    anew = frozenset(asked | {trial.id for trial in workable if remains.outdated(trial)})
    missing = {
        trial.id
        for trial in workable
        if trial.id not in anew and remains.to_train(trial, options.retry_failed)
    }
    return [trial for trial in workable if trial.id in missing | anew], anew


def _refuse_stale(trials: Sequence[Trial]) -> None:
    """Worker processes import what is there now, and this process what was there when it did."""
    infos = {id(bound.info): bound.info for trial in trials for bound in trial.cell.components}
    for info in infos.values():
        if info.edited:
            raise UsageError(
                f"{info.owned} was edited after this process loaded it: "
                "start Python again, so that all processes run the same code"
            )


def _results(folder: RunFolder, trials: Sequence[Trial], progress: Progress) -> pandas.DataFrame:
    """The rows of this grid; the folder's table is written with all rows that it holds."""
    from ganbench.results.frames import read_results

    folder.write_table()
    found = read_results(folder.path)
    for problem in found.problems:
        progress.say(problem)
    results = found.frame
    return results[results["trial"].isin([trial.id for trial in trials])].reset_index(drop=True)
