"""``ganbench plot``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ganbench.base.errors import UsageError
from ganbench.cli.results import checked_target, write_out
from ganbench.cli.text import WrittenPath, examples
from ganbench.cli.trial_argument import TrialSelector
from ganbench.report.matplotlib_renderer.style import FigureStyle

if TYPE_CHECKING:
    from ganbench.report.plot_request import PlotRequest

KINDS = ("curves", "heatmap", "pareto", "profile", "samples")
SUFFIXES = (".png", ".pdf", ".svg")

#: The kinds that an option is for, if it is not for all.
_FOR: dict[str, tuple[str, ...]] = {
    "metric": ("curves", "heatmap", "pareto", "profile"),
    "over": ("curves", "profile"),
    "band": ("curves",),
    "by": ("profile",),
    "target": ("profile",),
    "speed": ("pareto",),
    "log": ("curves", "heatmap", "pareto", "profile"),
    "trials": ("samples",),
    "ticks": ("samples",),
}


@click.command(
    epilog=examples(
        "ganbench plot runs/quick --kind curves -o curves.pdf",
        "ganbench plot runs/quick --kind heatmap --metric precision -o precision.svg",
        "ganbench plot runs/quick --kind profile --by architecture -o profile.pdf",
        "ganbench plot runs/quick --kind samples --trials mlp-hinge-digits-s0 --ticks -o timeline.png",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="The kind of figure.")
@click.option("-o", "--out", type=WrittenPath("name a file"), metavar="FILE", required=True,
              help="The file: .png, .pdf or .svg.")  # fmt: skip
@click.option("--metric", metavar="COLUMN",
              help="The metric to draw; by default the primary one.")  # fmt: skip
@click.option(
    "--dataset", metavar="SPEC", help="Draw this data set only; by default each has a panel."
)
@click.option("--over", type=click.Choice(["images", "seconds"]), default="images",
              show_default=True, help="What curves and --target count on the x axis.")  # fmt: skip
@click.option("--band", type=click.Choice(["interval", "range", "none"]), default="interval",
              show_default=True, help="The band: the median's interval, or all seeds.")  # fmt: skip
@click.option("--by", metavar="AXIS", help="The axis that a profile compares; by default loss.")
@click.option("--target", metavar="VALUE", type=float,
              help="Draw the profile of the time to reach this value.")  # fmt: skip
@click.option("--speed", metavar="COLUMN", default="images_per_second", show_default=True,
              help="The column on the x axis of pareto.")  # fmt: skip
@click.option(
    "--trials",
    metavar="A,B,…",
    type=TrialSelector(),
    multiple=True,
    help="Show samples of these trials: ids or parts of them, or one selector such as best or "
    "loss=hinge,seed=0; repeatable.",
)
@click.option("--ticks", metavar="[N,N,…]", is_flag=False, flag_value="all",
              help="Show timelines: the same latents at these ticks, or at all.")  # fmt: skip
@click.option(
    "--log/--linear",
    "log",
    default=None,
    help="The scale of the metric; by default the one that suits it.",
)
@click.option(
    "--width", type=click.FloatRange(1.5, 40), metavar="INCHES", help="Width of the figure."
)
@click.option(
    "--height", type=click.FloatRange(0.5, 60), metavar="INCHES", help="Height of the figure."
)
@click.option("--dpi", type=click.IntRange(30, 1200), default=300, show_default=True,
              help="Resolution of a PNG, and of pictures in a PDF or SVG.")  # fmt: skip
@click.option("--caption/--no-caption", default=True, show_default=True,
              help="Write the caption into the figure; else print it.")  # fmt: skip
@click.pass_context
def plot(ctx: click.Context, folder: str, kind: str, out: str, **options: Any) -> None:
    """Draw one figure of a run into a file, also during the run.

    Data sets, extractors and protocols that do not compare get panels of their own. A trial that
    failed or diverged counts as the worst.
    """
    suffix = Path(out).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"-o {out}: the name must end in .png, .pdf or .svg")
    target = checked_target(out)
    assert target is not None
    _check_options(ctx, kind)
    request = _request(kind, options)

    from ganbench.report.plot_request import draw

    figure = draw(folder, request, suffix)
    for problem in figure.problems:
        click.echo(f"Warning: {problem}", err=True)
    write_out(target, figure.content)
    if not options["caption"] and figure.caption:
        click.echo(figure.caption, err=True)


def _check_options(ctx: click.Context, kind: str) -> None:
    for name, kinds in _FOR.items():
        given = ctx.get_parameter_source(name) == ParameterSource.COMMANDLINE
        if given and kind not in kinds:
            flag = "--log and --linear are" if name == "log" else f"--{name} is"
            raise UsageError(f"{flag} for --kind {' or '.join(kinds)}, not for {kind}")
    target = ctx.params["target"]
    if target is not None and not math.isfinite(target):
        raise UsageError(f"--target {target:g}: expected a finite number")
    over = ctx.get_parameter_source("over") == ParameterSource.COMMANDLINE
    if kind == "profile" and over and target is None:
        raise UsageError("--over is for profiles of the time to a --target; add --target VALUE")


def _request(kind: str, options: dict[str, Any]) -> PlotRequest:
    from ganbench.report.plot_request import PlotRequest

    names = ("width", "height", "dpi", "log", "caption")
    style = FigureStyle(**{name: options[name] for name in names})
    return PlotRequest(
        kind=kind,
        metric=options["metric"],
        dataset=options["dataset"],
        over="train_seconds" if options["over"] == "seconds" else "images",
        band=options["band"],
        by=options["by"],
        target=options["target"],
        speed=options["speed"],
        trials=[name for text in options["trials"] for name in _selectors(text)],
        ticks=_ticks(options["ticks"]),
        style=style,
    )


def _selectors(text: str) -> list[str]:
    """Several ids between commas, or one selector, which may have commas itself."""
    return [text] if "=" in text or "[" in text else _listed(text)


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _ticks(text: str | None) -> list[int] | None:
    """The named ticks; an empty list stands for all, None for no timelines."""
    if text is None or text == "all":
        return None if text is None else []
    try:
        found = [int(part) for part in _listed(text)]
    except ValueError:
        found = []
    if not found:
        raise UsageError(f"--ticks {text}: expected numbers of ticks such as 0,2,5, or nothing")
    return found
