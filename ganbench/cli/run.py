"""``ganbench run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli.text import WrittenPath, columns, echo_json, examples
from ganbench.errors import UsageError

if TYPE_CHECKING:
    import torch

    from ganbench.execution.estimate import Estimate
    from ganbench.execution.options import RunOptions
    from ganbench.execution.run import RunResult
    from ganbench.grid.grid import Grid
    from ganbench.grid.plan import Plan

_QUICK = "quick"
_AXES = ("architecture", "loss", "dataset", "regularizer", "augmentation")


def _axis(short: str, name: str, plural: str) -> Any:
    return click.option(
        short,
        f"--{name}",
        name,
        metavar="SPEC",
        multiple=True,
        help=f"{name.capitalize()} on the grid's axis, in place of its {plural}; repeatable.",
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
    "-o",
    "--out",
    type=WrittenPath(),
    metavar="DIR",
    help="Run folder; by default runs/ and the grid's name.",
)
@click.option("-j", "--jobs", default="1", metavar="JOBS",
              help="Trials at a time, or `auto`: one for each core or GPU.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1), metavar="N",
              help="CPU threads of a trial; on the CPU 1 by default.")  # fmt: skip
@click.option("--device", metavar="DEVICE", help="cpu, cuda or cuda:0; a GPU if there is one.")
@click.option("--executor", metavar="NAME",
              help="local (worker processes), ray, or inline (this process).")  # fmt: skip
@click.option("--timeout", metavar="TIME", help="End trials that take longer, such as 90s or 10m.")
@click.option("--retries", type=click.IntRange(0), default=0, metavar="N",
              help="Further attempts at a trial that fails.")  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Go on with trials that failed before.")
@click.option("--rerun", metavar="SPEC", multiple=True,
              help="Train anew what has this component, or this trial; repeatable.")  # fmt: skip
@click.option("--keep-results", is_flag=True,
              help="Keep results of components whose files were edited, as in a comment.")  # fmt: skip
@click.option("--fail-fast", is_flag=True, help="Stop at the first trial that fails.")
@click.option("--isolate", is_flag=True, help="A fresh process for every trial.")
@click.option(
    "--memory-limit", metavar="SIZE", help="What a worker may allocate, such as 4GB; CPU."
)
@click.option("--gpus-per-trial", type=float, metavar="SHARE",
              help="A trial's share of a GPU, such as 0.25.")  # fmt: skip
@click.option("--ray-address", metavar="ADDRESS", help="Ray cluster; else one is started here.")
@click.option("--store", metavar="URL", help="Where Ray nodes without the run folder put files.")
@click.option("-c", "--callback", "callbacks", metavar="SPEC", multiple=True,
              help="A callback that follows the trials, such as tensorboard; repeatable.")  # fmt: skip
@click.option(
    "--data-dir",
    type=WrittenPath(),
    metavar="DIR",
    help="Data folder; else $GANBENCH_DATA or the cache.",
)
@click.option("--dry-run", is_flag=True, help="Only list cells, trials and what will be skipped.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
def run(
    grid: str | None,
    seeds: int | None,
    budget: str | None,
    assignments: tuple[str, ...],
    out: str | None,
    jobs: str,
    timeout: str | None,
    memory_limit: str | None,
    data_dir: str | None,
    dry_run: bool,
    as_json: bool,
    **others: Any,
) -> int:
    """Train every combination of a grid and evaluate it.

    Running again into the same folder finishes what is missing and retrains nothing that is done,
    but for trials of components whose files were edited since.
    Exit code: 0 all went well, 1 some trial failed, 2 wrong use, 5 nothing to run, 130 interrupted
    with the state saved.
    """
    axes = {axis: others.pop(axis) for axis in _AXES}
    configured = _configured(grid, axes, seeds, budget, assignments)
    if data_dir is not None and not Path(data_dir).is_dir():
        raise UsageError(f"--data-dir {data_dir}: there is no such folder")

    from ganbench.execution import run as execution
    from ganbench.execution.options import RunOptions, parse_jobs, parse_seconds, parse_size
    from ganbench.paths import data_root
    from ganbench.results.store import RunFolder

    options = RunOptions(
        jobs=parse_jobs(jobs),
        timeout=parse_seconds(timeout),
        memory_limit=parse_size(memory_limit),
        **others,
    )
    root = data_root(data_dir)
    if dry_run:
        return _dry_run(configured, root, options, as_json)

    from ganbench.execution.progress import make_progress
    from ganbench.registry.guard import quiet_stdout

    folder = RunFolder(execution.default_folder(grid or "run") if out is None else out)
    progress = make_progress(quiet=as_json)
    try:
        with quiet_stdout():
            result = execution.execute(configured, folder, root, options, progress)
    finally:
        progress.close()
    _show_result(result, options, as_json)
    return result.exit_code


def _configured(
    grid: str | None,
    axes: dict[str, tuple[str, ...]],
    seeds: int | None,
    budget: str | None,
    assignments: tuple[str, ...],
) -> Grid:
    from ganbench.execution.run import configure
    from ganbench.grid.settings import parse_assignment

    sections: dict[str, dict[str, Any]] = {"training": {}, "evaluation": {}}
    for text in assignments:
        section, key, value = parse_assignment(text)
        sections[section][key] = value
    source: Any = grid
    if grid is None:
        missing = [axis for axis in ("architecture", "loss", "dataset") if not axes[axis]]
        if missing:
            raise UsageError(f"no {missing[0]} is given; give -a, -l and -d, or a grid with --grid")
        source = {"grid": {axis: list(specs) for axis, specs in axes.items() if specs}}
    return configure(source, axes, seeds, budget, sections["training"], sections["evaluation"])


def _dry_run(grid: Grid, root: Path, options: RunOptions, as_json: bool) -> int:
    from ganbench.execution.estimate import estimate
    from ganbench.execution.placement import choose_device, place
    from ganbench.grid.plan import expand
    from ganbench.registry.guard import quiet_stdout

    device = choose_device(options.device)
    placement = place(device, options)
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
    from ganbench.execution.progress import clock

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
    from ganbench.results.tables import json_records, render_table

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
        click.echo(f"Interrupted; the state is saved, and the same command{but} goes on.", err=True)
    elif not result.trained and result.exit_code == 0:
        click.echo("Every trial was done before; nothing was trained.", err=True)
    click.echo(f"Results are in {result.folder}", err=True)
