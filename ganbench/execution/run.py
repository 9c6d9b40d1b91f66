"""`ganbench.run`: a grid from its names to its rows."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganbench.base.errors import UsageError
from ganbench.base.paths import data_root
from ganbench.components.base import Component
from ganbench.execution.component_objects import check_portable, with_specs
from ganbench.execution.context import RunContext
from ganbench.execution.initial_weights import with_initial_weights
from ganbench.execution.preparation import Preparation
from ganbench.execution.progress.listener import Progress
from ganbench.execution.progress.live_display import make_progress
from ganbench.execution.run_options import RunOptions, takes_run_options
from ganbench.execution.run_result import RunResult
from ganbench.execution.supervise.stopping import stop_on_signals
from ganbench.execution.total.deadline import Deadline
from ganbench.grid.budget import Budget, parse_budget
from ganbench.grid.grid import AXES, Grid
from ganbench.grid.plan import Plan
from ganbench.registry.lookup import ComponentInfo
from ganbench.store.run_folder import RunFolder


@takes_run_options
def run(
    grid: str | Path | Mapping[str, Any] | Grid = "quick",
    out: str | Path | None = None,
    *,
    axes: Mapping[str, str | Component | Sequence[str | Component]] | None = None,
    seeds: int | Sequence[int] | None = None,
    budget: str | Budget | None = None,
    training: Mapping[str, Any] | None = None,
    evaluation: Mapping[str, Any] | None = None,
    data_dir: str | Path | None = None,
    quiet: bool = True,
    **options: Any,
) -> RunResult:
    """Train and evaluate every trial of a grid that has no row yet.

    Trials run in worker processes, so that no trial can harm this process or another trial.
    Component objects may stand in place of specs: ``{"loss": [MyLoss(margin=2.0)]}``. A class that
    no plugin registers gets the name of its class, ``my-loss``, for this session. Workers import it
    from its module; the code of a class from a notebook is sent to them.

    :param grid: a shipped grid's name, a grid file, its content as a dict, or a `Grid`.
    :param out: the run folder, ``runs/<name of the grid>`` by default; an earlier run there continues.
    :param axes: specs or components that replace axes of the grid: ``{"loss": ["hinge"]}``.
    :param seeds: a number of seeds, or the seeds.
    :param budget: such as ``"200000img"``, ``"2000steps"``, ``"60s"``.
    :param training: settings that override the grid's.
    :param evaluation: settings that override the grid's.
    :param data_dir: the data folder; ``$GANBENCH_DATA`` or the user's cache by default.
    :param quiet: say nothing on standard error.
    :param options: run options.
    :raises UsageError: for wrong use, before anything is written.
    :raises StorageError: when the run folder cannot be written any more; its rows are as they were.
    """
    used: list[ComponentInfo] = []
    given = [with_specs(one, used) for one in (grid, axes, training, evaluation)]
    configured = configure(given[0], given[1], seeds, budget, *given[2:])
    checked = RunOptions.of(**options)
    if checked.executor != "inline":
        check_portable(used)
    folder = RunFolder(out if out is not None else default_folder(grid))
    with contextlib.closing(make_progress(quiet)) as progress:
        return execute(configured, folder, data_root(data_dir), checked, progress)


def configure(
    grid: str | Path | Mapping[str, Any] | Grid,
    axes: Mapping[str, str | Sequence[str]] | None = None,
    seeds: int | Sequence[int] | None = None,
    budget: str | Budget | None = None,
    training: Mapping[str, Any] | None = None,
    evaluation: Mapping[str, Any] | None = None,
) -> Grid:
    """Lay axes, seeds, budget and settings over a grid; raises UsageError."""
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
    configured = with_initial_weights(configured)
    return _unpublished(configured) if configured != given_grid else configured


def _unpublished(grid: Grid) -> Grid:
    """Drop a recipe's published figures, which are not those of a changed one."""
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
    deadline: Deadline | None = None,
) -> RunResult:
    """Run what a grid has left to do in a folder; a signal stops it and saves the state.

    :param plan: of the grid or of a part of it, if it has been expanded before.
    :param deadline: when the run stops; by default ``options.total`` from now.
    """
    ends = Deadline.after(options.total) if deadline is None else deadline
    folder.check()
    absolute = RunFolder(folder.path.absolute())  # a plugin may change the working directory
    with stop_on_signals() as stop:
        run = RunContext(absolute, options, progress, lambda: stop() or ends.over, ends)
        with Preparation(run) as preparation:
            from ganbench.execution.steps import carry_out  # loads torch, which takes seconds

            result = carry_out(run, grid, root, preparation, plan)
    return replace(result, folder=folder.path)
