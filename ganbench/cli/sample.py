"""``ganbench sample``."""

from __future__ import annotations

from pathlib import Path

import click

from ganbench.cli.results import checked_target
from ganbench.cli.text import examples
from ganbench.errors import UsageError


@click.command(
    epilog=examples(
        "ganbench sample runs/quick dcgan-hinge-digits-s0 -n 100 -o digits.png",
        "ganbench sample runs/quick dcgan-hinge-digits-s0 --seed 7",
    )
)
@click.argument("folder", metavar="DIR")
@click.argument("trial")
@click.option("-n", "count", default=64, type=click.IntRange(1, 100_000), show_default=True,
              help="Number of images.")  # fmt: skip
@click.option("-o", "--out", default="samples.png", show_default=True, help="The PNG to write.")
@click.option(
    "--seed", default=0, type=click.IntRange(0), show_default=True, help="Of the latents."
)
def sample(folder: str, trial: str, count: int, out: str, seed: int) -> None:
    """Draw images from the averaged generator of a trial; TRIAL is its id or a part of it."""
    if Path(out).suffix.lower() != ".png":
        raise UsageError(f"-o {out}: the picture is written as PNG, so the name must end in .png")
    target = checked_target(out)
    assert target is not None

    from ganbench.evaluation.pictures import save_samples
    from ganbench.execution.trained import load_trained
    from ganbench.results.store import RunFolder

    trained = load_trained(RunFolder(folder).open().find(trial))
    try:
        save_samples(target, trained.sample(count, seed), trained.data)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    click.echo(f"{count} samples of {trained.trial} are in {target}")
