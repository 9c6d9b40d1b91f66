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
        "ganbench sample runs/biggan biggan-hinge-cifar10-s0 --truncation 0.5",
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
@click.option("--truncation", type=click.FloatRange(0), help="Less variety for more quality, where "
              "the architecture has it: BigGAN's bound of the latents, StyleGAN2's psi.")  # fmt: skip
@click.option("--data-dir", help="The data folder, for trials that translate images.")
def sample(
    folder: str,
    trial: str,
    count: int,
    out: str,
    seed: int,
    truncation: float | None,
    data_dir: str | None,
) -> None:
    """Draw images from the averaged generator of a trial; TRIAL is its id or a part of it.

    A trial that translates gets the images of its test split to translate; each stands beside its
    translation, and beside the image that belongs to it where the data has pairs.
    """
    if Path(out).suffix.lower() != ".png":
        raise UsageError(f"-o {out}: the picture is written as PNG, so the name must end in .png")
    target = checked_target(out)
    assert target is not None

    from ganbench.evaluation.pictures import save_samples, save_translations
    from ganbench.execution.trained import held_out_images, load_trained
    from ganbench.paths import data_root
    from ganbench.results.store import RunFolder

    place = RunFolder(folder).open().find(trial)
    trained = load_trained(place)
    try:
        if not trained.translates:
            samples = trained.sample(count, seed, truncation)
            save_samples(target, samples, trained.data)
        else:
            if truncation is not None:
                raise UsageError("--truncation is for architectures that start from latents")
            given = held_out_images(place, data_root(data_dir))
            assert given.sources is not None
            samples = trained.translate(given.sources[:count], seed)
            targets = given.images if given.paired else None
            save_translations(target, given.sources, samples, targets)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    click.echo(f"{len(samples)} samples of {trained.trial} are in {target}")
