"""The steps of a run: plan, find earlier trials, prepare, write the plan, train."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ganbench.base.errors import UsageError
from ganbench.base.files import write_atomically
from ganbench.base.paths import cache_problem, cache_root
from ganbench.execution.context import RunContext
from ganbench.execution.described import described_plan
from ganbench.execution.launcher import Launcher
from ganbench.execution.machine_use import use_of_machine, workload
from ganbench.execution.preparation import Preparation
from ganbench.execution.resume import write_skipped
from ganbench.execution.run_result import RunResult
from ganbench.execution.share.heartbeat import Heartbeat
from ganbench.execution.standing import Standing, standing
from ganbench.execution.supervise.backlog import group_of
from ganbench.execution.supervise.callbacks import Audience
from ganbench.execution.supervise.messages import Event, Workers
from ganbench.execution.supervise.supervisor import Supervisor
from ganbench.execution.total.plan_in_time import asks_for_plan, plan_in_time
from ganbench.grid.auto_extractor import as_begun, resolved
from ganbench.grid.cell import Trial
from ganbench.grid.grid import Grid
from ganbench.grid.plan import Plan, expand
from ganbench.grid.recognition import recognized
from ganbench.store.frames import read_results
from ganbench.store.results_table import refresh_table
from ganbench.training.initial_weights import initial_problems


def carry_out(
    run: RunContext, grid: Grid, root: Path, preparation: Preparation, plan: Plan | None = None
) -> RunResult:
    """Run what a grid has left to do in a folder.

    :param root: the data folder.
    :param preparation: of this run, entered.
    :param plan: of the grid or of a part of it, if it has been expanded before.
    :raises UsageError: for wrong use, before anything is written.
    :raises KeyboardInterrupt: if it is stopped before anything is written.
    """
    if run.options.executor != "ray" and (warning := cache_problem(cache_root())):
        run.progress.say(warning)
    grid = as_begun(grid, run.folder)
    if plan is None and asks_for_plan(grid, run.options):
        grid = _in_time(run, grid, root, preparation)
    launcher = _launch(run, grid, root)
    try:
        if plan is None:
            chosen = resolved(grid, root, cache_root(), run.progress.say)
            if any(chosen.auto[name] != grid.auto.get(name, name) for name in chosen.auto):
                launcher.close()  # its workers plan the grid with another extractor
                launcher = _launch(run, chosen, root)
            plan = expand(chosen, root)
        trials = recognized(list(plan.trials()), run.folder)
        trained, interrupted = _train(run, launcher, plan, trials, preparation)
    finally:
        launcher.close()
    if interrupted and not run.folder.trials_dir.is_dir():
        raise KeyboardInterrupt
    out_of_time = interrupted and run.deadline.over
    return RunResult(run.folder.path, _results(run, trials), trained, interrupted, out_of_time)


def _in_time(run: RunContext, grid: Grid, root: Path, preparation: Preparation) -> Grid:
    """The grid with what fits into the run's time."""

    def stop() -> bool:
        preparation.beat()
        return run.stop()

    say = run.progress.say
    chosen = resolved(grid, root, cache_root(), say)
    return plan_in_time(chosen, run.folder, root, run.options, run.deadline, say, stop)


def _launch(run: RunContext, grid: Grid, root: Path) -> Launcher:
    launcher = Launcher(run, grid.as_dict(), root)
    launcher.warm_up()
    return launcher


def _train(
    run: RunContext,
    launcher: Launcher,
    plan: Plan,
    trials: Sequence[Trial],
    preparation: Preparation,
) -> tuple[int, bool]:
    """Train the missing trials; how many it trained, and whether a person stopped it."""
    _refuse_stale(trials)
    found = standing(run.folder, trials, run.options)
    missing = found.missing
    for sentence in found.notices():
        run.progress.say(sentence)
    for problem in initial_problems(trial.cell for trial in missing):
        raise UsageError(problem)
    if missing:
        launcher.settle(workload(trials, missing))
    workers = launcher.workers(plan)
    preparation.beat(len(missing))
    if not _prepare(run, workers, missing, preparation):
        return 0, True
    _write_plan(run, plan, trials)
    heartbeat = preparation.begun()
    found.earlier.repair()
    if missing and run.options.executor != "ray":
        run.progress.say(use_of_machine(launcher.placement, run.options, len(missing)))
    return _supervise(run, workers, found, launcher.most_threads, heartbeat)


def _prepare(
    run: RunContext, workers: Workers, trials: Sequence[Trial], preparation: Preparation
) -> bool:
    """Have workers load what each group of these trials shares.

    What a third party's code does wrong meanwhile is left to its trials, whose rows say it.

    :return: False if the run was stopped meanwhile.
    :raises UsageError: for data or weights that cannot be had.
    """
    groups: dict[str, str] = {}
    for trial in trials:
        groups.setdefault(group_of(trial.cell), trial.planned_id)
    waiting = list(groups.items())  # taken from the end: what is needed first stays loaded
    since: dict[str, float | None] = {}
    while waiting or since:
        if run.stop():
            run.progress.say("stopping: no trial has begun, and what was prepared is kept")
            return False
        while waiting and (slots := workers.executor.free()):
            group, trial_id = waiting.pop()
            since[group] = time.monotonic()
            workers.executor.prepare(slots[0], group, trial_id)
        for event in workers.poll(0.2):
            _handle(event, run, since)
        workers.end_late(since, run.options.timeout)
        preparation.beat()
    return True


def _handle(event: Event, run: RunContext, since: dict[str, float | None]) -> None:
    if event["event"] == "say":
        run.progress.say(event["text"])
    elif event["event"] == "prepared":
        since.pop(event["group"], None)
        if event["problem"] is not None:
            raise UsageError(event["problem"])
    elif event["event"] == "lost":
        since.pop(event["group"], None)
        run.progress.say(f"{event['group']}: {event['error']} while it was prepared")


def _supervise(
    run: RunContext,
    workers: Workers,
    found: Standing,
    threads: int,
    heartbeat: Heartbeat | None,
) -> tuple[int, bool]:
    here = [] if run.options.executor == "inline" else run.options.callbacks
    objects = [one for one in here if not isinstance(one, str)]
    audience = Audience(objects, run.progress.say)
    supervisor = Supervisor(
        run,
        workers,
        audience,
        found.missing,
        found.restart,
        found.extensions.bases,
        threads,
        heartbeat,
    )
    try:
        supervisor.run()
    except KeyboardInterrupt:
        return supervisor.trained, True
    return supervisor.trained, supervisor.interrupted


def _refuse_stale(trials: Sequence[Trial]) -> None:
    """Refuse code that was edited since this process loaded it: workers would load the new one."""
    infos = {id(one.info): one.info for trial in trials for one in trial.cell.components}
    for info in infos.values():
        if info.edited:
            raise UsageError(
                f"{info.owned} was edited after this process loaded it: "
                "start Python again, so that all processes run the same code"
            )


def _write_plan(run: RunContext, plan: Plan, trials: Sequence[Trial]) -> None:
    """Write down the planned trials, and rows of the cells that cannot work."""
    run.folder.create()
    run.folder.describe(described_plan(plan))
    write_atomically(run.folder.grid_file, plan.grid.to_toml())
    run.folder.write_plan({trial.id: f"{trial.cell.label} seed {trial.seed}" for trial in trials})
    for trial in trials:
        if trial.cell.reason is not None:
            write_skipped(trial, run.folder)


def _results(run: RunContext, trials: Sequence[Trial]) -> pd.DataFrame:
    """The rows of this grid; the folder's table is written with all rows that it holds."""
    refresh_table(run.folder)
    found = read_results(run.folder.path)
    for problem in found.problems:
        run.progress.say(problem)
    ids = [trial.id for trial in trials]
    return found.frame[found.frame["trial"].isin(ids)].reset_index(drop=True)
