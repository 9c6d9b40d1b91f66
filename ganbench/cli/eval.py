"""``ganbench eval``."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import click

from ganbench.base.errors import UsageError
from ganbench.base.text import plain
from ganbench.cli.click_options import metrics, with_run_options
from ganbench.cli.progress_meter import make_meter
from ganbench.cli.results import checked_target, write_out
from ganbench.cli.spec_completion import specs
from ganbench.cli.text import WrittenPath, as_json, data_dir, examples, out_option
from ganbench.evaluation.record_text import as_text
from ganbench.registry.guard import quiet_stdout
from ganbench.registry.specs import parse_value


@click.command(
    "eval",
    epilog=examples(
        "ganbench eval --real cifar10 --fake samples/",
        "ganbench eval --real photos/ --fake samples.npz --metrics fd,kid",
        "ganbench eval --fake runs/quick:best -n 10000",
        "ganbench eval --fake runs/quick:loss=hinge,seed=0 --metrics prdc",
        "ganbench eval --real imagenet-statistics.npz --fake samples/ --metrics fd",
        "ganbench eval --real photos/ --fake samples/ --extractor dinov2 --json",
        "ganbench eval --real photos/ --save-statistics photos.npz",
    ),
)
@click.option("--fake", metavar="IMAGES",
              help="Images to measure: a folder or archive of them, an .npz file with uint8 images "
                   "(arr_0) or with statistics (mu, sigma), or a trial's generator, such as "
                   "runs/quick:best.")  # fmt: skip
@click.option("--real", metavar="IMAGES", help="What to compare with: a folder or archive, an .npz file "
              "of images or of published statistics (mu, sigma), or a data set's spec; by default the "
              "data set of the trial.")  # fmt: skip
@click.option("--save-statistics", type=WrittenPath("name an .npz file"), metavar="FILE",
              help="Write mean and covariance of the real images' features to an .npz file (mu, sigma, "
                   "as pytorch-fid and others read them), for --real or --fake. Needs no --fake; "
                   "without --real, those of the fake images.")  # fmt: skip
@click.option("--extractor", metavar="SPEC", multiple=True, shell_complete=specs("extractor"),
              help="By default the trial's own, else auto: the data set's own, else the FID Inception "
                   "network; or its fallback where the weights cannot be had. "
                   "Repeatable.")  # fmt: skip
@metrics("all that ganbench computes at every tick and that suit the data")
@click.option("-n", "--samples", type=click.IntRange(2), metavar="N",
              help="Fake images at the most; of a trial's generator 50000 by default.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
              help="Of a trial's latents, and of the choice of N images.")  # fmt: skip
@click.option("--split", type=click.Choice(["train", "test"]), default="train", show_default=True,
              help="Split of a data set.")  # fmt: skip
@click.option("--set", "assignments", metavar="KEY=VALUE", multiple=True,
              help="An option of a metric, such as kid_subset_size=500; repeatable.")  # fmt: skip
@click.option("--skip-broken", is_flag=True, help="Leave out unreadable files.")
@click.option("--batch-size", type=click.IntRange(1), metavar="N",
              help="Images in one pass; by default what suits the network.")  # fmt: skip
@with_run_options("device")
@data_dir
@as_json
@out_option("Write the JSON document to a file as well.")
def eval_(
    metrics: str | None, assignments: tuple[str, ...], as_json: bool, out: str | None, **rest: Any
) -> None:
    """Measure images against real ones.

    Every metric comes from one pass of the images through the feature networks. Memory holds the
    features of at most 100,000 images of a side. The distance is called fid only in the standard FID
    Inception network with its published weights and at 50,000 images, and the classifier score is_mean
    only in that network; otherwise they are fd and cs_mean.

    Files are read as data sets read them: transparent pixels on white, gray images of 16 bits
    scaled to 8, turned as the camera noted; a warning counts those that torch-fidelity reads
    otherwise. Images are in color (gray ones are repeated), or in gray if the real side is a data
    set of gray images. The features of real images are kept in the cache under a hash of their
    content.
    """
    if rest["fake"] is None and None in (rest["real"], rest["save_statistics"]):
        raise click.UsageError("Missing option '--fake'.")
    target = checked_target(out)
    settings = _settings(assignments)

    from ganbench.evaluation.evaluate import evaluate  # loads torch

    asked = () if metrics is None else metrics
    with contextlib.closing(make_meter()) as meter, quiet_stdout():
        found = evaluate(metrics=asked, settings=settings, meter=meter, **rest)
    document = json.dumps(found.record(), indent=2, ensure_ascii=False, allow_nan=False)
    click.echo(document if as_json else as_text(found))
    if rest["save_statistics"] is not None:
        click.echo(f"Wrote {rest['save_statistics']}", err=True)
    for warning in found.warnings:
        click.echo(f"Warning: {plain(warning)}", err=True)
    if target is not None:
        write_out(target, document + "\n")


def _settings(assignments: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"bad --set {text!r}: write it as kid_subset_size=500")
        found[key.strip()] = parse_value(value)
    return found
