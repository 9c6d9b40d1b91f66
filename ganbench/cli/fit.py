"""``ganbench fit``."""

from __future__ import annotations

import click

from ganbench.cli.click_options import with_run_options
from ganbench.cli.text import WrittenPath, as_json, data_dir, echo_json, examples, out_option


@click.command(
    epilog=examples(
        "ganbench fit photos --total 20m",
        "ganbench fit photos.zip --total 2h -o runs/photos --device cuda",
    )
)
@click.argument("images", type=WrittenPath(), metavar="FOLDER")
@click.option(
    "--total",
    default="20m",
    show_default=True,
    metavar="TIME",
    help="Time for everything, such as 20m or 2h.",
)
@out_option("Run folder; by default runs/fit- and the folder's name.", "DIR")
@with_run_options("device", "jobs")
@data_dir
@as_json
def fit(
    images: str,
    total: str,
    out: str | None,
    device: str | None,
    jobs: str | int | None,
    data_dir: str | None,
    as_json: bool,
) -> int:
    """Find the GAN that does best on a folder of images in a time.

    FOLDER holds images at any depth, or is a zip or tar archive; sub-folders are classes. Size,
    features and a handful of cells are chosen by what this machine trains in the time. They are
    trained in rounds: cells that fall behind hand their time to the others. Nothing is downloaded.

    At the end, the run folder has samples beside real images, the generator, and a report. The same
    command goes on from where it stopped.

    The JSON document has these keys: folder, best, trial, sentences, files, command, facts, rounds,
    interrupted, exit_code.
    """
    from ganbench.fit.api import fit as find

    result = find(
        images,
        total,
        out,
        device=device,
        jobs="auto" if jobs is None else jobs,
        data_dir=data_dir,
        say=lambda sentence: click.echo(sentence, err=True),
        quiet=as_json,
    )
    if as_json:
        echo_json(result.record())
    else:
        click.echo(f"\n{result}")
    return result.exit_code
