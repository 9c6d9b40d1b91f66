"""``ganbench compare``."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

import click

from ganbench.cli.results import checked_target, write_out
from ganbench.cli.text import WrittenPath, examples, to_file
from ganbench.errors import UsageError

FORMATS = ("table", "json", "markdown", "latex", "csv")


@click.command(
    epilog=examples(
        "ganbench compare runs/quick hinge wgan-gp               in every context both have",
        'ganbench compare runs/a "dcgan[width=32]" "dcgan[width=64]" --metric images_per_second',
        "ganbench compare runs/before my-loss --against runs/after",
        "ganbench compare runs/before runs/after                 all cells they have in common",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@click.argument("names", metavar="[A] [B]", nargs=-1)
@click.option("--by", metavar="AXIS", help="loss, architecture, regularizer or augmentation; found "
              "out where A and B leave no doubt.")  # fmt: skip
@click.option("--metric", metavar="COLUMN",
              help="By default the primary one; a failed trial counts as the worst.")  # fmt: skip
@click.option("--level", type=float, default=0.95, show_default=True, help="Of confidence.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
              help="Of the bootstrap.")  # fmt: skip
@click.option(
    "--against",
    type=WrittenPath(),
    metavar="DIR2",
    help="Take B from another run; B is A if not given.",
)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table",
              show_default=True, help="json and csv keep every digit.")  # fmt: skip
@to_file
def compare(
    folder: str,
    names: tuple[str, ...],
    by: str | None,
    metric: str | None,
    level: float,
    seed: int,
    against: str | None,
    format_: str,
    out: str | None,
) -> None:
    """Tell what component A does against B, paired by seed, in every context that both share.

    A and B are specs, or names that fit one. With a second run in place of both, all cells that the
    two runs have in common are compared.
    """
    target = checked_target(out)
    a, b, other = _asked(names, against)
    if other is not None and a == b and _same_folder(folder, other):
        raise UsageError(
            f"{other} is {folder}: what is compared with itself makes no difference; name another run"
        )

    from ganbench.results.comparison import compare as compared
    from ganbench.results.folders import read_several

    paths = [folder] if other is None else [folder, other]
    found = read_several(paths)
    for problem in (problem for results in found for problem in results.problems):
        click.echo(f"Warning: {problem}", err=True)
    first, second = found[0].frame, found[-1].frame
    result = compared(first, a, second, b, by, metric, level, seed, names=(paths[0], paths[-1]))
    if format_ == "json":
        text = json.dumps(result.record(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    else:
        from ganbench.results.comparison_tables import table

        text = table(result, format_)
    if target is None:
        click.echo(text, nl=False)
    else:
        write_out(target, text)


def _same_folder(one: str, other: str) -> bool:
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def _asked(names: Sequence[str], against: str | None) -> tuple[str | None, str | None, str | None]:
    """A, B and the second folder."""
    if len(names) > 2:
        raise UsageError(f"compare takes DIR, A and B; {names[2]!r} is one too many")
    if against is not None:
        a = names[0] if names else None
        return a, names[1] if len(names) > 1 else a, against
    if len(names) == 2:
        return names[0], names[1], None
    if len(names) == 1 and os.path.isdir(names[0]):
        return None, None, names[0]
    missing = "what with" if names else "what"
    raise UsageError(
        f"compare {missing}? Name two components, as in `ganbench compare DIR hinge wgan-gp`, or a "
        "second run folder"
    )
