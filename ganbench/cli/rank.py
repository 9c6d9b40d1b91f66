"""``ganbench rank``."""

from __future__ import annotations

import json

import click

from ganbench.cli.results import checked_target, write_out
from ganbench.cli.text import WrittenPath, examples, to_file

FORMATS = ("table", "json", "markdown", "latex", "csv")


@click.command(
    epilog=examples(
        "ganbench rank runs/quick --by loss",
        "ganbench rank runs/quick --by architecture --metric recall",
        "ganbench rank runs/quick --by loss --format latex -o losses.tex",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@click.option("--by", metavar="AXIS", required=True,
              help="loss, architecture, regularizer or augmentation.")  # fmt: skip
@click.option("--metric", metavar="COLUMN",
              help="By default the primary one; a failed trial counts as the worst.")  # fmt: skip
@click.option("--level", type=float, default=0.95, show_default=True, help="Of confidence.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
              help="Of the bootstrap.")  # fmt: skip
@click.option("--shared-spread", is_flag=True,
              help="Differences of all pairs vary alike over seeds, which few seeds need.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table",
              show_default=True, help="json and csv keep every digit.")  # fmt: skip
@to_file
def rank(
    folder: str,
    by: str,
    metric: str | None,
    level: float,
    seed: int,
    shared_spread: bool,
    format_: str,
    out: str | None,
) -> None:
    """Rank the components of one kind over the contexts and seeds that all of them share."""
    target = checked_target(out)

    from ganbench.results.folders import read_several
    from ganbench.results.ranking import rank as ranked
    from ganbench.results.ranking_tables import record, table

    found = read_several([folder])[0]
    for problem in found.problems:
        click.echo(f"Warning: {problem}", err=True)
    frame = ranked(found.frame, by, metric, level, seed, shared_spread=shared_spread)
    if format_ == "json":
        text = json.dumps(record(frame), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    else:
        text = table(frame, format_)
    if target is None:
        click.echo(text, nl=False)
    else:
        write_out(target, text)
