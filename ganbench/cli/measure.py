"""``ganbench measure``."""

from __future__ import annotations

import json
import math
from typing import Any

import click

from ganbench.base.errors import UsageError
from ganbench.base.text import counted, plain
from ganbench.cli.click_options import metrics, with_run_options
from ganbench.cli.outcomes import INTERRUPTED
from ganbench.cli.spec_completion import specs
from ganbench.cli.text import WrittenPath, as_json, data_dir, examples
from ganbench.cli.trial_argument import trial_argument
from ganbench.execution.progress.listener import MeasureListener
from ganbench.registry.guard import quiet_stdout


@click.command(
    epilog=examples(
        "ganbench measure runs/quick --extractor dinov2 -j 2",
        "ganbench measure runs/quick --metrics authpct,vendi",
        "ganbench measure runs/quick dcgan-hinge-digits-s0 --samples 50000",
        "ganbench measure runs/quick loss=hinge --which best",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@trial_argument("trials", nargs=-1, metavar="[TRIAL]…")
@metrics("those of the trials")
@click.option("--extractor", metavar="SPEC", multiple=True, shell_complete=specs("extractor"),
              help="Feature extractor; by default that of the trials; repeatable.")  # fmt: skip
@click.option("-n", "--samples", type=click.IntRange(2), metavar="N",
              help="Samples of each generator; by default as many as in the trials.")  # fmt: skip
@click.option("--which", type=click.Choice(["last", "best"]), default="last", show_default=True,
              help="The weights at the end, or those of the best tick.")  # fmt: skip
@with_run_options("jobs", "timeout", "device")
@data_dir
@as_json
def measure(
    folder: str,
    trials: tuple[str, ...],
    metrics: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Measure finished trials again from their weights, without training.

    A TRIAL is an id, a part of one, or a selector such as loss=hinge, which may name several trials.

    Results, compare, rank, plot and report show the new columns beside the old ones. The column of
    another extractor, number of samples or tick has that in its name: fd@dinov2, fd@50000, fd@best.
    After an interruption, the same command measures the rest.
    """
    from ganbench.execution.measure import measure as measured  # loads torch

    if metrics is not None and not metrics.strip(" ,"):
        raise UsageError("--metrics names no metric; leave it out for those of the trials")
    with quiet_stdout():
        found = measured(folder, trials, metrics=metrics or (), listener=_Lines(), **options)
    if as_json:
        record = {key: value for key, value in vars(found).items() if key != "path"}
        click.echo(json.dumps({"folder": str(found.path), **record}, indent=2))
    else:
        known = f", {len(found.known)} measured before" if found.known else ""
        known += f", {len(found.failed)} not measured" if found.failed else ""
        count = counted(len(found.measured), "trial")
        click.echo(f"{count} measured{known}; see ganbench results {folder}")
    if found.interrupted:
        click.echo("interrupted; the same command measures the rest", err=True)
        return INTERRUPTED
    return 1 if found.failed else 0


class _Lines(MeasureListener):
    """A line for each trial, on standard error."""

    def __init__(self) -> None:
        self._total = self._done = 0

    def begin(self, total: int) -> None:
        self._total = total

    def done(self, trial: str, values: dict[str, Any]) -> None:
        numbers = [(k, v) for k, v in values.items() if v is not None and math.isfinite(v)]
        shown = ", ".join(f"{name} {value:.5g}" for name, value in numbers[:4])
        self._ended(f"{trial}: {shown}")

    def failed(self, trial: str, reason: str) -> None:
        self._ended(f"{trial} is not measured: {reason}")

    def say(self, sentence: str) -> None:
        click.echo(sentence, err=True)

    def _ended(self, text: str) -> None:
        self._done += 1
        click.echo(f"[{self._done}/{max(self._total, self._done)}] {plain(text)}", err=True)
