"""``ganbench results``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.cli.text import WrittenPath, examples, to_file
from ganbench.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

_FORMATS = ("table", "csv", "json", "markdown", "latex", "parquet")


@click.command(
    epilog=examples(
        "ganbench results runs/quick --by-cell",
        "ganbench results runs/quick --sort images_per_second --columns architecture,loss,fd",
        "ganbench results runs/quick --by-cell --format latex -o table.tex",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="table",
              show_default=True, help="csv, json and parquet keep every digit.")  # fmt: skip
@click.option("--by-cell", is_flag=True,
              help="One row per cell: medians over seeds with their intervals.")  # fmt: skip
@click.option("--shared-spread", is_flag=True,
              help="With --by-cell: cells vary alike over seeds, which few seeds need.")  # fmt: skip
@click.option(
    "--sort", metavar="COLUMN", help="Best first; by default, data set and primary metric."
)
@click.option("--columns", metavar="A,B,…",
              help="Columns to show, separated by commas; docs/columns.md has all.")  # fmt: skip
@to_file
def results(
    folder: str,
    format_: str,
    by_cell: bool,
    shared_spread: bool,
    sort: str | None,
    columns: str | None,
    out: str | None,
) -> None:
    """Print the table of a run's trials, also while the run goes on."""
    if format_ == "parquet" and out is None:
        raise UsageError("--format parquet is binary; say where to with -o FILE")
    if shared_spread and not by_cell:
        raise UsageError("--shared-spread is about intervals over seeds: add --by-cell")
    target = checked_target(out)

    from ganbench.results.frames import read_results

    names = None if columns is None else [name for name in columns.split(",") if name.strip()]
    found = read_results(folder)
    for problem in found.problems:
        click.echo(f"Warning: {problem}", err=True)
    shape = {"by_cell": by_cell, "columns": names, "sort": sort, "shared_spread": shared_spread}
    content = _formatted(found.frame, format_, shape, to_file=target is not None)
    if target is None:
        assert isinstance(content, str)
        click.echo(content, nl=not content.endswith("\n"))
        return
    write_out(target, content)


def _formatted(
    frame: pd.DataFrame, format_: str, shape: dict[str, Any], to_file: bool
) -> str | bytes:
    from ganbench.results import export
    from ganbench.results.tables import render_table

    if format_ == "table":
        plain: dict[str, Any] = {"color": False, "width": 160} if to_file else {}
        return render_table(frame, **shape, **plain) + "\n"
    if format_ in export.READABLE:
        return export.READABLE[format_](frame, **shape)
    return export.EXACT[format_](export.exact(frame, **shape))


def checked_target(out: str | None) -> Path | None:
    """The file to write; raises UsageError if it cannot be one."""
    if out is None:
        return None
    target = Path(out)
    if target.is_dir():
        raise UsageError(f"-o {out} is a folder; name a file")
    if not target.parent.is_dir():
        raise UsageError(f"-o {out}: there is no folder {target.parent}")
    return target


def write_out(target: Path, content: str | bytes) -> None:
    """Write a file whole or not at all; raises UsageError if the system does not let us."""
    from ganbench.results.files import write_atomically

    data = content.encode() if isinstance(content, str) else content
    try:
        if target.exists() and not target.is_file():  # a pipe or a device
            target.write_bytes(data)
        else:
            write_atomically(target.resolve(), data)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    click.echo(f"Wrote {target}", err=True)
