"""``ganbench report``."""

from __future__ import annotations

from pathlib import Path

import click

from ganbench.cli.results import checked_target, write_out
from ganbench.cli.text import WrittenPath, examples


@click.command(
    epilog=examples(
        "ganbench report runs/quick                    writes runs/quick/report.html",
        "ganbench report runs/quick -o ~/quick.html",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@click.option(
    "-o",
    "--out",
    type=WrittenPath(),
    metavar="FILE",
    help="The HTML file; by default DIR/report.html.",
)
def report(folder: str, out: str | None) -> None:
    """Write the report of a run: findings, tables, figures and samples in one HTML file.

    The file works without a network and without other files. It can be written during a run.
    """
    target = checked_target(out)

    from ganbench.report.html import render_report

    write_out(target or Path(folder) / "report.html", render_report(folder))
