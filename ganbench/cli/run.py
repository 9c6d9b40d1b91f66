"""``ganbench run``."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.base.errors import UsageError
from ganbench.base.paths import existing_data_root
from ganbench.base.text import clock
from ganbench.cli.click_options import with_run_options
from ganbench.cli.text import (
    as_json,
    columns,
    data_dir,
    echo_json,
    examples,
    out_option,
)
from ganbench.execution.placement import choose_device, place
from ganbench.execution.progress.live_display import make_progress
from ganbench.execution.run import configure, default_folder, execute
from ganbench.execution.run_options import RunOptions
from ganbench.execution.run_result import RunResult
from ganbench.grid.grid import AXES, Grid
from ganbench.grid.plan import Plan, expand
from ganbench.grid.settings import parse_assignment, replicas_of
from ganbench.registry.guard import quiet_stdout
from ganbench.store.run_folder import RunFolder

if TYPE_CHECKING:
    import torch

    from ganbench.execution.estimate import Estimate

_QUICK = "quick"


def _axis(short: str, name: str, plural: str) -> Any:
    return click.option(
        short,
        f"--{name}",
        name,
        metavar="SPEC",
        multiple=True,
        help=f"{name.capitalize()} that replaces the grid's {plural}; repeatable.",
    )


@click.command(
    epilog=examples(
        "ganbench run --grid                             the shipped grid `quick`",
        "ganbench run --grid study.toml -o runs/study    a grid file",
        "ganbench run -a dcgan -a mlp -l hinge -d mnist --seeds 3 --budget 2000kimg",
        "ganbench run --grid study.toml -j auto --timeout 2h --retries 1",
        "ganbench run --grid classic -d mnist --set training.batch_size=128 --dry-run",
    ),
)
@click.option(
    "--grid",
    metavar="[GRID]",
    is_flag=False,
    flag_value=_QUICK,
    help="A shipped grid's name or a TOML file; `quick` if no value is given.",
)
@_axis("-a", "architecture", "architectures")
@_axis("-l", "loss", "losses")
@_axis("-d", "dataset", "data sets")
@_axis("-r", "regularizer", "regularizers")
@_axis("-A", "augmentation", "augmentations")
@click.option("--seeds", type=int, metavar="N", help="Number of seeds: 0 to N - 1.")
@click.option("--budget", metavar="AMOUNT", help="200000img, 200kimg, 2000steps, 60s or 10m.")
@click.option(
    "--set",
    "assignments",
    metavar="SECTION.KEY=VALUE",
    multiple=True,
    help="A setting, such as training.batch_size=64 or evaluation.ticks=5; repeatable.",
)
@click.option(
    "--replicas",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes that train a trial together, short for --set training.replicas=N.",
)
@out_option("Run folder; by default runs/ and the grid's name.", "DIR")
@with_run_options()
@data_dir
@click.option("--dry-run", is_flag=True, help="Only list cells, trials and what will be skipped.")
@as_json
def run(
    grid: str | None,
    seeds: int | None,
    budget: str | None,
    assignments: tuple[str, ...],
    replicas: int | None,
    out: str | None,
    data_dir: str | None,
    dry_run: bool,
    as_json: bool,
    **others: Any,
) -> int:
    """Train every combination of a grid and evaluate it.

    A second run into the same folder finishes the missing trials, and retrains only the trials of
    components whose files were edited.
    Exit code: 0 all went well, 1 some trial failed, 2 wrong use, 5 nothing to run, 130 interrupted
    with the state saved.
    """
    axes = {axis: others.pop(axis) for axis in AXES}
    sections: dict[str, dict[str, Any]] = {"training": {}, "evaluation": {}}
    for text in assignments:
        section, key, value = parse_assignment(text)
        sections[section][key] = value
    if replicas is not None:
        assigned = sections["training"].setdefault("replicas", replicas)
        if assigned != replicas:
            raise UsageError(
                f"--replicas {replicas} and --set training.replicas={assigned} differ: give one of them"
            )
    configured = configure(_source(grid, axes), axes, seeds, budget, **sections)
    root, options = existing_data_root(data_dir), RunOptions.of(**others)
    if dry_run:
        return _dry_run(configured, root, options, as_json)
    folder = RunFolder(default_folder(grid or "run") if out is None else out)
    with contextlib.closing(make_progress(quiet=as_json)) as progress, quiet_stdout():
        result = execute(configured, folder, root, options, progress)
    _show_result(result, options, as_json)
    return result.exit_code


def _source(grid: str | None, axes: dict[str, tuple[str, ...]]) -> Any:
    """The grid; without one, the axes have to make it."""
    if grid is not None:
        return grid
    missing = [axis for axis in ("architecture", "loss", "dataset") if not axes[axis]]
    if missing:
        raise UsageError(f"no {missing[0]} is given; give -a, -l and -d, or a grid with --grid")
    return {"grid": {axis: list(specs) for axis, specs in axes.items() if specs}}


def _dry_run(grid: Grid, root: Path, options: RunOptions, as_json: bool) -> int:
    from ganbench.execution.estimate import estimate  # loads torch

    device = choose_device(options.device)
    placement = place(device, options, replicas_of(grid.as_dict()))
    plan = expand(grid, root)
    if device.type == "cpu":
        import torch

        torch.set_num_threads(placement.threads)
    with quiet_stdout():
        guess = estimate((t for t in plan.trials() if t.cell.reason is None), device)
    jobs = min(len(placement.slots), max(1, len(plan.runnable) * len(grid.seeds)))
    show = _plan_document if as_json else _plan_lines
    show(plan, device, jobs, guess)
    return 0 if plan.runnable else 5


def _plan_document(plan: Plan, device: torch.device, jobs: int, guess: Estimate) -> None:
    echo_json(
        {
            "cells": len(plan.cells),
            "trials": len(plan.runnable) * len(plan.grid.seeds),
            "seeds": list(plan.grid.seeds),
            "budget": plan.grid.budget.as_dict(),
            "device": str(device),
            "jobs": jobs,
            "estimated_seconds": guess.seconds / jobs if guess.measured else None,
            "runnable": [dict(cell.columns) for cell in plan.runnable],
            "skipped": [cell.columns | {"reason": cell.reason} for cell in plan.skipped],
        }
    )


def _plan_lines(plan: Plan, device: torch.device, jobs: int, guess: Estimate) -> None:
    runnable, skipped, seeds = plan.runnable, plan.skipped, plan.grid.seeds
    if runnable:
        rows = [tuple(runnable[0].columns), *(tuple(cell.columns.values()) for cell in runnable)]
        click.echo("\n".join(columns(rows)))
    for cell in skipped:
        click.echo(f"skipped: {cell.label}: {cell.reason}")
    click.echo(
        f"{len(runnable)} cells x {len(seeds)} seeds = {len(runnable) * len(seeds)} trials of "
        f"{plan.grid.budget}, {len(skipped)} cells skipped"
    )
    if guess.measured:
        at_a_time = f", {jobs} trials at a time" if jobs > 1 else ""
        click.echo(
            f"about {clock(guess.seconds / jobs)} of training on {device}{at_a_time}, from timing "
            f"{guess.measured} of {guess.kinds} kinds of step; evaluation comes on top"
        )
    elif runnable:
        click.echo("the time cannot be estimated: no step of any cell could be timed")


def _show_result(result: RunResult, options: RunOptions, as_json: bool) -> None:
    from ganbench.present.formats import render_table
    from ganbench.present.result_frame import json_records

    if as_json:
        echo_json(
            {
                "folder": str(result.folder),
                "exit_code": result.exit_code,
                "trained": result.trained,
                "interrupted": result.interrupted,
                "rows": json_records(result.results),
            }
        )
        return
    click.echo(render_table(result.results))
    if result.interrupted:
        but = " without --rerun" if options.rerun else ""
        click.echo(
            f"Interrupted; the state is saved, and the same command{but} continues.", err=True
        )
    elif not result.trained and result.exit_code == 0:
        click.echo("Every trial was done before; nothing was trained.", err=True)
    click.echo(f"Results are in {result.folder}", err=True)
