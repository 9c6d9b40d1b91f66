"""``ganbench results``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ganbench.base.errors import UsageError
from ganbench.base.files import write_atomically
from ganbench.cli.text import WrittenPath, examples, to_file
from ganbench.grid.metrics import split_specs

_FORMATS = ("table", "csv", "json", "markdown", "latex", "parquet")
#: Formats that show the names of components in place of their specs.
_FOR_PEOPLE = ("table", "markdown", "latex")


@click.command(
    epilog=examples(
        "ganbench results runs/quick --by-cell",
        "ganbench results runs/quick --sort images_per_second --columns architecture,loss,fd",
        "ganbench results runs/quick --by-cell --format latex -o table.tex",
        "ganbench results runs/quick --by-cell --baseline runs/quick:loss=hinge,architecture=dcgan",
        "ganbench results runs/after --by-cell --baseline runs/before",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="table",
              show_default=True, help="csv, json and parquet keep every digit.")  # fmt: skip
@click.option("--by-cell", is_flag=True,
              help="One row per cell: medians over seeds with their intervals.")  # fmt: skip
@click.option("--shared-spread", is_flag=True,
              help="With --by-cell: cells vary alike over seeds; for few seeds.")  # fmt: skip
@click.option("--baseline", metavar="RUN[:CELL]", type=WrittenPath(),
              help="With --by-cell: compare each cell with this one, seed by seed, or with the same "
              "cell of another run. CELL is a selector such as loss=hinge.")  # fmt: skip
@click.option(
    "--sort",
    metavar="COLUMN",
    help="Sort by this column, best first; by default by data set and primary metric.",
)
@click.option("--columns", metavar="A,B,…",
              help="Columns to show, separated by commas; docs/columns.md lists all.")  # fmt: skip
@to_file
def results(
    folder: str,
    format_: str,
    by_cell: bool,
    shared_spread: bool,
    baseline: str | None,
    sort: str | None,
    columns: str | None,
    out: str | None,
) -> None:
    """Print the table of a run's trials, also while the run goes on."""
    if format_ == "parquet" and out is None:
        raise UsageError("--format parquet is binary; name a file with -o FILE")
    if shared_spread and not by_cell:
        raise UsageError("--shared-spread changes intervals over seeds: add --by-cell")
    if baseline is not None and not by_cell:
        raise UsageError("--baseline compares cells over seeds: add --by-cell")
    target = checked_target(out)

    from ganbench.analysis.baseline import read_baseline
    from ganbench.present.formats import render_results
    from ganbench.store.frames import read_results

    names = None if columns is None else split_specs(columns)
    if names == []:
        raise UsageError("--columns names no column; leave the option out for the usual ones")
    found = read_results(folder)
    for problem in found.problems:
        warn(problem)
    plain: dict[str, Any] = {} if target is None else {"color": False, "width": 160}
    content = render_results(
        found.named if format_ in _FOR_PEOPLE else found.frame,
        format_,
        by_cell=by_cell,
        columns=names,
        sort=sort,
        shared_spread=shared_spread,
        baseline=None if baseline is None else read_baseline(baseline, folder, warn),
        **plain,
    )
    write_out(target, content)


def warn(problem: str) -> None:
    """Print a problem of a run's files on standard error."""
    click.echo(f"Warning: {problem}", err=True)


def checked_target(out: str | None) -> Path | None:
    """The file to write; raises UsageError if it cannot be one."""
    if out is None:
        return None
    target = Path(out)
    if target.is_dir():
        raise UsageError(f"-o {out} is a folder; name a file")
    if not target.parent.is_dir():
        raise UsageError(f"-o {out}: the folder {target.parent} does not exist")
    return target


def write_out(target: Path | None, content: str | bytes) -> None:
    """Print text, or write a file whole or not at all; raises UsageError if the system refuses."""
    if target is None:
        click.echo(content, nl=False)
        return
    data = content.encode() if isinstance(content, str) else content
    try:
        if target.exists() and not target.is_file():  # a pipe or a device
            target.write_bytes(data)
        else:
            write_atomically(target.resolve(), data)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    click.echo(f"Wrote {target}", err=True)
