"""``ganbench report``."""

from __future__ import annotations

from pathlib import Path

import click

from ganbench.base.errors import UsageError
from ganbench.cli.results import checked_target, write_out
from ganbench.cli.text import WrittenPath, examples

_OTHER_FORMATS = (".pdf", ".png", ".svg", ".md", ".tex", ".csv", ".json")


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
    type=WrittenPath("name a file"),
    metavar="FILE",
    help="The HTML file; by default DIR/report.html.",
)
def report(folder: str, out: str | None) -> None:
    """Write the report of a run: findings, tables, figures and samples in one HTML file.

    The file works without a network and without other files. It can be written during a run.
    """
    target = checked_target(out)
    if target is not None and target.suffix.lower() in _OTHER_FORMATS:
        raise UsageError(
            f"-o {out}: the report is an HTML file, so its name must end in .html; `ganbench plot` "
            "writes .pdf, .png and .svg, and `ganbench results` tables"
        )

    from ganbench.report.html import render_report

    write_out(target or Path(folder) / "report.html", render_report(folder))
