"""``ganbench sample``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ganbench.base.devices import choose_device
from ganbench.base.errors import UsageError
from ganbench.base.paths import data_root
from ganbench.base.text import counted
from ganbench.cli.click_options import with_run_options
from ganbench.cli.results import checked_target
from ganbench.cli.text import WrittenPath, data_dir, examples
from ganbench.cli.trial_argument import trial_argument
from ganbench.store.run_folder import RunFolder

if TYPE_CHECKING:
    import torch

    from ganbench.components.data import ImageData
    from ganbench.generators.trained import Trained

Kind = Literal["grid", "folder", "array"]

_MOST = 100_000
_IMAGES, _PAIRS = 64, 8
_PART = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", re.ASCII)
_LONG = 2000  # from so many images on, a bar shows the progress


@click.command(
    epilog=examples(
        "ganbench sample runs/quick best -n 100 -o digits.png",
        "ganbench sample runs/quick dcgan-hinge-digits-s0 --interpolate 10 -n 6",
        "ganbench sample runs/quick dcgan-hinge-digits-s0 -n 50000 -o fake/",
        "ganbench sample runs/biggan biggan-hinge-cifar10-s0 --classes 3,5-7 --truncation 0.5",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@trial_argument()
@click.option("-n", "count", type=click.IntRange(1, _MOST),
              help=f"Number of images, {_IMAGES} by default; with --interpolate that of rows, "
              f"{_PAIRS} by default.")  # fmt: skip
@click.option("-o", "--out", type=WrittenPath("name a file"), default="samples.png", show_default=True,
              help="A .png for one picture of all; a folder (name/) for single images; an .npz for "
              "the array arr_0, uint8 (n, h, w, c).")  # fmt: skip
@click.option("--single", is_flag=True, help="Treat -o as a folder, whatever its name.")
@click.option(
    "--seed", default=0, type=click.IntRange(0), show_default=True, help="Of the latents."
)
@click.option("--classes", metavar="A,B-C", help="Only these classes, in turn, such as 3,7 or 0-9; "
              "by default all.")  # fmt: skip
@click.option("--truncation", type=click.FloatRange(0), help="Less variety for more quality, where "
              "the architecture has it: BigGAN's bound of the latents, StyleGAN2's psi.")  # fmt: skip
@click.option("--interpolate", metavar="K", type=click.IntRange(2, 1000),
              help="Rows of K images that lead from one latent to another.")  # fmt: skip
@with_run_options("device")
@data_dir
def sample(
    folder: str,
    trial: str,
    out: str,
    single: bool,
    classes: str | None,
    device: str | None,
    data_dir: str | None,
    **rest: Any,
) -> None:
    """Draw images from the averaged generator of a trial.

    TRIAL is an id or a part of one, or a selector such as loss=hinge,seed=0 or best:loss=hinge.

    Latents do not depend on the device. Images are computed in the precision of the trial.

    Single images and arrays hold the bytes that an evaluation sees, for `ganbench eval` and others.

    Rows of --interpolate turn the first latent towards the second at constant speed, if latents are
    normal; all images of a row have the same class and the same noise.

    A trial that translates gets the images of its test split; each stands beside its translation,
    and beside its counterpart if the data has pairs. Folders and arrays hold the translations alone.
    """
    kind = _kind(out, single)
    target = Path(out)
    if kind == "folder":
        from ganbench.generators.sample_files import check_folder

        check_folder(target)
    else:
        checked_target(out)
    chosen = None if classes is None else parse_classes(classes)
    request = _Request(kind=kind, classes=chosen, **rest)

    from ganbench.base.backends import set_defaults  # loads torch
    from ganbench.generators.trained import held_out_images, load_trained

    set_defaults()
    place = RunFolder(folder).open().find(trial)
    trained = load_trained(place, device=choose_device(device))
    request.check(trained)
    if trained.doubt is not None:
        click.echo(f"Warning: {trained.doubt}", err=True)
    given = held_out_images(place, data_root(data_dir)) if trained.translates else None
    number, batches = request.batches(trained, given)
    try:
        _write(target, request, trained, number, _shown(batches, number), given)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    click.echo(
        f"{counted(number, 'sample')} of {trained.trial} {'is' if number == 1 else 'are'} in {target}"
    )


def parse_classes(text: str) -> list[int]:
    """``3,5-7`` as [3, 5, 6, 7]; raises UsageError."""
    problem = UsageError(f"--classes {text}: write classes as 3,7 or 0-9")
    chosen: list[int] = []
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise problem
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first >= _MOST:
            raise problem
        chosen += range(first, last + 1)
    return chosen


@dataclass(frozen=True)
class _Request:
    """The samples that a person asks for."""

    kind: Kind
    count: int | None
    seed: int
    classes: list[int] | None
    truncation: float | None
    interpolate: int | None

    @property
    def rows(self) -> int:
        """Images, or rows of them with interpolation."""
        return self.count or (_IMAGES if self.interpolate is None else _PAIRS)

    def check(self, trained: Trained) -> None:
        """Raise UsageError for what this generator cannot do."""
        from ganbench.generators.sample_files import check_single

        if self.kind == "folder":
            check_single(trained.data, trained.trial)
        if self.truncation is not None:
            trained.check_truncation()
        if self.classes is not None:
            trained.check_classes(self.classes)
        if trained.translates and self.interpolate is not None:
            raise UsageError("--interpolate needs an architecture that starts from latents")
        if self.rows * (self.interpolate or 1) > _MOST:
            what = f"{self.rows} rows of {self.interpolate}"
            raise UsageError(f"{what} are more than {_MOST} images")

    def batches(
        self, trained: Trained, given: ImageData | None
    ) -> tuple[int, Iterator[torch.Tensor]]:
        """How many images these are, and the images in batches, with interpolation a row each."""
        if given is not None:
            assert given.sources is not None
            sources = given.sources[: self.count or _IMAGES]
            return len(sources), trained.translations(sources, self.seed)
        how = (self.seed, self.truncation, self.classes)
        if self.interpolate is None:
            return self.rows, trained.batches(self.rows, *how)
        images = trained.interpolate(self.rows, self.interpolate, *how)
        return self.rows * self.interpolate, images


def _kind(out: str, single: bool) -> Kind:
    suffix = Path(out).suffix.lower()
    if single or out.endswith(("/", os.sep)) or (Path(out).is_dir() and suffix == ""):
        return "folder"
    kinds: dict[str, Kind] = {".png": "grid", ".npz": "array"}
    if suffix not in kinds:
        raise UsageError(
            f"-o {out}: the name must end in .png for one picture, in .npz for an array, or in / for "
            "a folder of single images"
        )
    return kinds[suffix]


def _write(
    target: Path,
    request: _Request,
    trained: Trained,
    number: int,
    batches: Iterator[torch.Tensor],
    given: ImageData | None,
) -> None:
    import torch

    from ganbench.base.pixels import to_uint8
    from ganbench.evaluation import pictures
    from ganbench.generators import sample_files

    if request.kind == "folder":
        sample_files.write_folder(target, batches)
    elif request.kind == "array":
        sample_files.write_array(target, batches, number, trained.data)
    elif given is not None:
        assert given.sources is not None
        targets = given.images if given.paired else None
        made, alpha = torch.cat(list(batches)), trained.data.alpha
        pictures.save_translations(target, given.sources, made, targets, alpha)
    elif request.interpolate is not None and trained.data.kind == "image":
        rows = [to_uint8(row) for row in batches]
        pictures.save_rows(target, rows, alpha=trained.data.alpha)
    else:
        pictures.save_samples(target, torch.cat(list(batches)), trained.data)


def _shown(batches: Iterator[torch.Tensor], number: int) -> Iterator[torch.Tensor]:
    """The batches, with a bar on a terminal if they are many."""
    if number < _LONG or not sys.stderr.isatty():
        yield from batches
        return
    with click.progressbar(length=number, label="Sampling", file=sys.stderr) as bar:
        for batch in batches:
            yield batch
            bar.update(len(batch))
