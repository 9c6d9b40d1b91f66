"""``ganbench measure``."""

from __future__ import annotations

import json
import math
from typing import Any

import click

from ganbench.cli.text import WrittenPath, examples
from ganbench.errors import UsageError


@click.command(
    epilog=examples(
        "ganbench measure runs/quick --extractor dinov2 -j 2",
        "ganbench measure runs/quick --metrics authpct,vendi",
        "ganbench measure runs/quick dcgan-hinge-digits-s0 --samples 50000",
        "ganbench measure runs/quick --which best",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@click.argument("trials", nargs=-1, metavar="[TRIAL]…")
@click.option("--metrics", metavar="A,B,…",
              help="Specs (see ganbench list metrics); by default those of the trials.")  # fmt: skip
@click.option("--extractor", metavar="SPEC", multiple=True,
              help="By default that of the trials; repeatable.")  # fmt: skip
@click.option("-n", "--samples", type=click.IntRange(2), metavar="N",
              help="Of each generator; by default as many as in the trials.")  # fmt: skip
@click.option("--which", type=click.Choice(["last", "best"]), default="last", show_default=True,
              help="The weights at the end, or those of the best tick.")  # fmt: skip
@click.option("-j", "--jobs", metavar="N", default="1", show_default=True,
              help="Trials at a time, or auto.")  # fmt: skip
@click.option("--timeout", metavar="TIME", help="Of one trial, such as 10m.")
@click.option("--device", metavar="DEVICE", help="cpu, cuda or cuda:0; a GPU if there is one.")
@click.option(
    "--data-dir",
    type=WrittenPath(),
    metavar="DIR",
    help="Data folder; else $GANBENCH_DATA or the cache.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
def measure(
    folder: str,
    trials: tuple[str, ...],
    metrics: str | None,
    extractor: tuple[str, ...],
    samples: int | None,
    which: str,
    jobs: str,
    timeout: str | None,
    device: str | None,
    data_dir: str | None,
    as_json: bool,
) -> None:
    """Measure finished trials again from their weights, without training.

    The new columns stand beside the old ones, in results, compare, rank, plot and report. A column of
    another extractor, number of samples or tick has that in its name: fd@dinov2, fd@50000, fd@best.
    What was measured before is not measured twice: run the same command again after an interruption.
    """
    from ganbench.execution.measure import measure as measured
    from ganbench.execution.options import parse_jobs, parse_seconds
    from ganbench.registry.guard import quiet_stdout

    if metrics is not None and not metrics.strip(" ,"):
        raise UsageError("--metrics names no metric; leave it out for those of the trials")
    with quiet_stdout():
        found = measured(
            folder,
            trials,
            metrics=metrics or (),
            extractor=extractor,
            samples=samples,
            which=which,
            jobs=parse_jobs(jobs),
            timeout=parse_seconds(timeout),
            device=device,
            data_dir=data_dir,
            listener=_Lines(),
        )
    if as_json:
        record = {key: value for key, value in vars(found).items() if key != "path"}
        click.echo(json.dumps({"folder": str(found.path), **record}, indent=2))
    else:
        known = f", {len(found.known)} measured before" if found.known else ""
        known += f", {len(found.failed)} not measured" if found.failed else ""
        count = len(found.measured)
        trials_ = "1 trial" if count == 1 else f"{count} trials"
        click.echo(f"{trials_} measured{known}; see ganbench results {folder}")
    if found.interrupted:
        click.echo("interrupted; the same command goes on with what is missing", err=True)
        raise SystemExit(130)
    if found.failed:
        raise SystemExit(1)


class _Lines:
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
        from ganbench.results.formatting import plain

        self._done += 1
        click.echo(f"[{self._done}/{max(self._total, self._done)}] {plain(text)}", err=True)
