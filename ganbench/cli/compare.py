"""``ganbench compare`` and ``ganbench rank``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import click

from ganbench.base.errors import UsageError
from ganbench.cli.results import checked_target, warn, write_out
from ganbench.cli.text import WrittenPath, examples, to_file

_FORMATS = ("table", "json", "markdown", "latex", "csv")
_OPTIONS = (
    click.option("--metric", metavar="COLUMN",
                 help="By default the primary metric; a failed trial counts as the worst."),
    click.option("--level", type=float, default=0.95, show_default=True, help="Confidence level."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
                 help="Seed of the bootstrap."),
    click.option("--format", "format_", type=click.Choice(_FORMATS), default="table",
                 show_default=True, help="json and csv keep every digit."),
    to_file,
)  # fmt: skip
Command = Callable[..., None]


def statistics_options(command: Command) -> Command:
    """The options of ``compare`` and ``rank``: metric, level, seed, format and file."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(
    epilog=examples(
        "ganbench compare runs/quick hinge wgan-gp               in every block that both have",
        'ganbench compare runs/a "dcgan[width=32]" "dcgan[width=64]" --metric images_per_second',
        "ganbench compare runs/before my-loss --against runs/after",
        "ganbench compare runs/before runs/after                 all cells they have in common",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@click.argument("names", metavar="[A] [B]", nargs=-1)
@click.option("--by", metavar="AXIS", help="loss, architecture, regularizer or augmentation; by "
              "default the only kind that A and B fit.")  # fmt: skip
@click.option(
    "--against",
    type=WrittenPath(),
    metavar="DIR2",
    help="Take B from another run; B is A by default.",
)
@statistics_options
def compare(
    folder: str,
    names: tuple[str, ...],
    by: str | None,
    against: str | None,
    format_: str,
    out: str | None,
    **statistics: Any,
) -> None:
    """Compare component A with B, paired by seed, in every block that both share.

    A block fixes everything but A, B and the seed. A and B are specs, or names that fit one spec. With
    a second run in place of both, all cells that the two runs share are compared.
    """
    target = checked_target(out)
    a, b, other = _asked(names, against)
    if other is not None and a == b and _same_folder(folder, other):
        raise UsageError(
            f"{other} is the run itself: a run cannot be compared with itself; name another run, or "
            "two components"
        )

    from ganbench.analysis.comparison import compare as compared
    from ganbench.analysis.several_runs import read_several
    from ganbench.present.comparison_frame import table

    paths = [folder] if other is None else [folder, other]
    frames = read_several(paths, warn)
    found = compared(frames[0], a, frames[-1], b, by, names=(paths[0], paths[-1]), **statistics)
    write_out(target, table(found, format_))


def _same_folder(one: str, other: str) -> bool:
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def _asked(names: Sequence[str], against: str | None) -> tuple[str | None, str | None, str | None]:
    """A, B and the second folder."""
    if len(names) > 2:
        raise UsageError(f"compare takes DIR, A and B, and not {names[2]!r}")
    if against is not None:
        a = names[0] if names else None
        return a, names[1] if len(names) > 1 else a, against
    if len(names) == 2:
        return names[0], names[1], None
    if len(names) == 1 and os.path.isdir(names[0]):
        return None, None, names[0]
    raise UsageError(
        f"compare needs {'B' if names else 'A and B'}: name two components, as in `ganbench compare DIR "
        "hinge wgan-gp`, or a second run folder"
    )


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
@click.option("--shared-spread", is_flag=True,
              help="Differences of all pairs vary alike over seeds; for few seeds.")  # fmt: skip
@statistics_options
def rank(
    folder: str, by: str, shared_spread: bool, format_: str, out: str | None, **statistics: Any
) -> None:
    """Rank the components of one kind over the blocks and seeds that all of them share.

    A block fixes everything but these components and the seed.
    """
    target = checked_target(out)

    from ganbench.analysis.ranking import rank as ranked
    from ganbench.analysis.several_runs import read_several
    from ganbench.present.ranking_frame import table

    (frame,) = read_several([folder], warn)
    found = ranked(frame, by, shared_spread=shared_spread, **statistics)
    write_out(target, table(found, format_))
