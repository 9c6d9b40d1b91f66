"""``ganbench run``."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from ganbench.base.errors import UsageError
from ganbench.base.paths import existing_data_root
from ganbench.base.text import joined, with_article
from ganbench.cli.click_options import with_run_options
from ganbench.cli.dry_run import show_dry_run
from ganbench.cli.spec_completion import specs
from ganbench.cli.text import as_json, data_dir, echo_json, examples, out_option
from ganbench.execution.progress.live_display import make_progress
from ganbench.execution.run import configure, default_folder, execute
from ganbench.execution.run_options import RunOptions
from ganbench.execution.run_result import RunResult
from ganbench.grid.grid import AXES
from ganbench.grid.settings import parse_assignment
from ganbench.registry.guard import quiet_stdout
from ganbench.store.run_folder import RunFolder

_QUICK = "quick"


def _axis(short: str, name: str, plural: str) -> Any:
    return click.option(
        short,
        f"--{name}",
        name,
        metavar="SPEC",
        multiple=True,
        shell_complete=specs(name),
        help=f"{name.capitalize()} that replaces the grid's {plural}; repeatable.",
    )


@click.command(
    epilog=examples(
        "ganbench run --grid                             the shipped grid `quick`",
        "ganbench run --grid study.toml -o runs/study    a grid file",
        "ganbench run -a dcgan -a mlp -l hinge -d mnist --seeds 3 --budget 2000kimg",
        "ganbench run --grid study.toml -j auto --timeout 2h --retries 1",
        "ganbench run --grid study.toml --total 20m --set evaluation.share=0.2",
        "ganbench run -a dcgan -l hinge -d mnist --init runs/study:best --freeze 'generator:layers.0.*'",
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
@click.option(
    "--init",
    metavar="RUN:TRIAL|FILE",
    help="Weights to start from: a trial's, or a safetensors file; short for --set training.init=…",
)
@click.option(
    "--freeze",
    metavar="[NETWORK:]GLOB",
    multiple=True,
    help="Parameters that stay as they are, such as 'generator:layers.0.*'; repeatable.",
)
@out_option("Run folder; by default runs/ and the grid's name.", "DIR")
@with_run_options()
@data_dir
@click.option(
    "--dry-run",
    is_flag=True,
    help="Check everything and train nothing: what is done, what is left, and about how long it takes.",
)
@as_json
def run(
    grid: str | None,
    seeds: int | None,
    budget: str | None,
    assignments: tuple[str, ...],
    replicas: int | None,
    init: str | None,
    freeze: tuple[str, ...],
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
    if init is not None:
        sections["training"]["init"] = init
    if freeze:
        sections["training"]["freeze"] = list(freeze)
    configured = configure(_source(grid, axes), axes, seeds, budget, **sections)
    root, options = existing_data_root(data_dir), RunOptions.of(**others)
    folder = RunFolder(default_folder(grid or "run") if out is None else out)
    if dry_run:
        return show_dry_run(configured, folder, root, options, as_json)
    with contextlib.closing(make_progress(quiet=as_json)) as progress, quiet_stdout():
        result = execute(configured, folder, root, options, progress)
    _show_result(result, options, as_json)
    return result.exit_code


def _source(grid: str | None, axes: dict[str, tuple[str, ...]]) -> Any:
    """The grid; without one, the axes have to make it."""
    if grid is not None:
        return grid
    needed = {"architecture": "-a", "loss": "-l", "dataset": "-d"}
    missing = {axis: flag for axis, flag in needed.items() if not axes[axis]}
    if missing:
        raise UsageError(
            f"a run needs {joined([f'{with_article(axis)} ({missing[axis]} SPEC)' for axis in missing])}"
            "; or take a grid with --grid, and see `ganbench grids` and `ganbench list`"
        )
    return {"grid": {axis: list(specs) for axis, specs in axes.items() if specs}}


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
                "out_of_time": result.out_of_time,
                "rows": json_records(result.results),
            }
        )
        return
    click.echo(render_table(result.named))
    if result.out_of_time:
        click.echo(
            "The time of --total is over; the state is saved, and the same command goes on.",
            err=True,
        )
    elif result.interrupted:
        but = " without --rerun" if options.rerun else ""
        click.echo(
            f"Interrupted; the state is saved, and the same command{but} continues.", err=True
        )
    elif not result.trained and result.exit_code == 0:
        click.echo("Every trial was done before; nothing was trained.", err=True)
    click.echo(f"Results are in {result.folder}", err=True)
