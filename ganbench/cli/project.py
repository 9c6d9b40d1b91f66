"""``ganbench project``."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.base.devices import choose_device
from ganbench.base.errors import UsageError
from ganbench.cli.click_options import with_run_options
from ganbench.cli.progress_meter import make_meter
from ganbench.cli.results import checked_target
from ganbench.cli.sample import parse_classes
from ganbench.cli.text import WrittenPath, as_json, columns, echo_json, examples
from ganbench.cli.trial_argument import trial_argument
from ganbench.store.run_folder import RunFolder

if TYPE_CHECKING:
    from ganbench.generators.projection import Projection

_MOST = 1000


@click.command(
    epilog=examples(
        "ganbench project runs/quick best face.png",
        "ganbench project runs/faces best:loss=hinge photos/ -o projected.png --steps 500",
        "ganbench project runs/quick best photos/ --json --latents latents.npz",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@trial_argument()
@click.argument("images", nargs=-1, required=True, metavar="IMAGES...")
@click.option("-o", "--out", type=WrittenPath(), default="projected.png", show_default=True,
              help="A .png: each image beside the one that was reached.")  # fmt: skip
@click.option("--latents", type=WrittenPath(), help="Also write the latents into this .npz file: "
              "latents (n, latent_dim), and labels of a class-conditional generator.")  # fmt: skip
@click.option("--steps", default=200, type=click.IntRange(0, 100_000), show_default=True,
              help="Of Adam; 0 takes the nearest random candidate.")  # fmt: skip
@click.option("--starts", default=4, type=click.IntRange(1, 256), show_default=True,
              help="Candidates that are moved.")  # fmt: skip
@click.option("--fit", default="crop", type=click.Choice(["crop", "pad", "stretch"]),
              show_default=True, help="How an image of another shape fits.")  # fmt: skip
@click.option("--classes", metavar="A,B-C", help="Classes to try; by default all.")
@click.option(
    "--seed", default=0, type=click.IntRange(0), show_default=True, help="Of the candidates."
)
@with_run_options("device")
@as_json
def project(
    folder: str,
    trial: str,
    images: tuple[str, ...],
    out: str,
    latents: str | None,
    steps: int,
    starts: int,
    fit: Any,
    classes: str | None,
    seed: int,
    device: str | None,
    as_json: bool,
) -> None:
    """Find latents from which a trial's generator makes given images, and the distance reached.

    TRIAL is an id or a part of one, or a selector such as loss=hinge,seed=0 or best:loss=hinge. IMAGES
    are pictures, or folders of them.

    A generator that covers the data reaches held-out images nearly as well as training images. The
    distance is the root of the mean squared difference of the pixels, where black is 0 and white is 1.
    The same seed gives the same latents.
    """
    target = checked_target(out)
    assert target is not None
    if target.suffix.lower() != ".png":
        raise UsageError(f"-o {out}: the name must end in .png")
    if latents is not None and Path(latents).suffix.lower() != ".npz":
        raise UsageError(f"--latents {latents}: the name must end in .npz")
    array = checked_target(latents)
    chosen = None if classes is None else parse_classes(classes)

    from ganbench.base.backends import set_defaults  # loads torch
    from ganbench.evaluation.pictures import save_pairs
    from ganbench.generators.given_images import picture_files, read_pictures
    from ganbench.generators.projection import Search, check_projectable
    from ganbench.generators.projection import project as search_latents
    from ganbench.generators.trained import load_trained

    set_defaults()
    place = RunFolder(folder).open().find(trial)
    trained = load_trained(place, device=choose_device(device))
    check_projectable(trained)
    if trained.doubt is not None:
        click.echo(f"Warning: {trained.doubt}", err=True)
    files = picture_files(images)
    if len(files) > _MOST:
        raise UsageError(f"{len(files):,} images are more than {_MOST:,}: name fewer")
    given = read_pictures(files, trained.data, fit)
    search = Search(steps=steps, starts=starts)
    with contextlib.closing(make_meter()) as meter:
        meter.begin(f"projecting onto {trained.trial}", len(files))
        found = search_latents(trained, given, seed, search, chosen, lambda: meter.advance(1))
    save_pairs(target, found.targets, found.images, trained.data.alpha)
    if array is not None:
        found.save(array)
    _show(found, files, trained.trial, out, as_json)


def _show(found: Projection, files: list[Path], trial: str, out: str, as_json: bool) -> None:
    records = [
        {**record, "image": str(file)} for record, file in zip(found.records(), files, strict=True)
    ]
    mean = sum(found.distances) / len(found.distances)
    if as_json:
        echo_json({"trial": trial, "picture": out, "mean_distance": mean, "images": records})
        return
    conditional = found.labels is not None
    head = ("image", *(["class"] if conditional else []), "nearest random", "distance", "PSNR dB")
    rows = [
        (
            Path(str(record["image"])).name,
            *([str(record["class"])] if conditional else []),
            f"{record['nearest_random']:.4f}",
            f"{record['distance']:.4f}",
            "∞" if record["psnr_db"] is None else f"{record['psnr_db']:.1f}",
        )
        for record in records
    ]
    click.echo("\n".join(columns([head, *rows])))
    click.echo(f"mean distance {mean:.4f}; each image beside the one reached is in {out}")
