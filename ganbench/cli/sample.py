"""``ganbench sample``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ganbench.cli.results import checked_target
from ganbench.cli.text import WrittenPath, examples
from ganbench.errors import UsageError

if TYPE_CHECKING:
    import torch

    from ganbench.components.data import ImageData
    from ganbench.execution.trained import Trained

Kind = Literal["grid", "folder", "array"]

_MOST = 100_000
_IMAGES, _PAIRS = 64, 8
_PART = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", re.ASCII)
_LONG = 2000  # images from which on it is shown how far the sampling is


@click.command(
    epilog=examples(
        "ganbench sample runs/quick dcgan-hinge-digits-s0 -n 100 -o digits.png",
        "ganbench sample runs/quick dcgan-hinge-digits-s0 --interpolate 10 -n 6",
        "ganbench sample runs/quick dcgan-hinge-digits-s0 -n 50000 -o fake/",
        "ganbench sample runs/biggan biggan-hinge-cifar10-s0 --classes 3,5-7 --truncation 0.5",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@click.argument("trial")
@click.option("-n", "count", type=click.IntRange(1, _MOST),
              help=f"Number of images, {_IMAGES} by default; with --interpolate that of rows, "
              f"{_PAIRS} by default.")  # fmt: skip
@click.option("-o", "--out", type=WrittenPath(), default="samples.png", show_default=True,
              help="A .png for one picture of all; a folder (name/) for single images; an .npz for "
              "the array arr_0, uint8 (n, h, w, c).")  # fmt: skip
@click.option("--single", is_flag=True, help="Take -o for a folder, whatever its name.")
@click.option(
    "--seed", default=0, type=click.IntRange(0), show_default=True, help="Of the latents."
)
@click.option("--classes", metavar="A,B-C", help="Only these classes, in turn, such as 3,7 or 0-9; "
              "by default all.")  # fmt: skip
@click.option("--truncation", type=click.FloatRange(0), help="Less variety for more quality, where "
              "the architecture has it: BigGAN's bound of the latents, StyleGAN2's psi.")  # fmt: skip
@click.option("--interpolate", metavar="K", type=click.IntRange(2, 1000),
              help="Rows of K images that lead from one latent to another.")  # fmt: skip
@click.option(
    "--data-dir", type=WrittenPath(), help="The data folder, for trials that translate images."
)
def sample(
    folder: str,
    trial: str,
    count: int | None,
    out: str,
    single: bool,
    seed: int,
    classes: str | None,
    truncation: float | None,
    interpolate: int | None,
    data_dir: str | None,
) -> None:
    """Draw images from the averaged generator of a trial; TRIAL is its id or a part of it.

    Single images and arrays hold the bytes that an evaluation sees, for `ganbench eval` and others.

    Rows of --interpolate turn the first latent towards the second at constant speed, where latents
    are normal; all images of a row have the same class and the same noise.

    A trial that translates gets the images of its test split to translate; each stands beside its
    translation, and beside the image that belongs to it where the data has pairs. Folders and arrays
    get the translations alone.
    """
    kind = _kind(out, single)
    target = _checked(out, kind)
    chosen = None if classes is None else parse_classes(classes)

    from ganbench.execution.trained import load_trained
    from ganbench.paths import data_root
    from ganbench.results.store import RunFolder

    place = RunFolder(folder).open().find(trial)
    trained = load_trained(place)
    request = _Request(trained, count, seed, chosen, truncation, interpolate)
    request.check(kind)
    if trained.doubt is not None:
        click.echo(f"Warning: {trained.doubt}", err=True)
    if trained.translates:
        from ganbench.execution.trained import held_out_images

        given = held_out_images(place, data_root(data_dir))
        assert given.sources is not None
        number = min(count or _IMAGES, len(given.sources))
        batches = trained.translations(given.sources[:number], seed)
    else:
        given = None
        number, batches = request.number, request.batches()
    try:
        _write(target, kind, trained, _shown(batches, number), number, given, interpolate)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    click.echo(f"{number} samples of {trained.trial} are in {target}")


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


class _Request:
    """What samples are asked for."""

    def __init__(
        self,
        trained: Trained,
        count: int | None,
        seed: int,
        classes: list[int] | None,
        truncation: float | None,
        interpolate: int | None,
    ) -> None:
        self._trained, self._seed, self._steps = trained, seed, interpolate
        self._classes, self._truncation = classes, truncation
        self._count = count or (_IMAGES if interpolate is None else _PAIRS)

    @property
    def number(self) -> int:
        """How many images these are."""
        return self._count * (self._steps or 1)

    def check(self, kind: Kind) -> None:
        """Raise UsageError for what this generator cannot do."""
        from ganbench.execution.sample_files import check_single

        trained = self._trained
        if kind == "folder":
            check_single(trained.data, trained.trial)
        if self._truncation is not None:
            trained.check_truncation()
        if self._classes is not None:
            trained.check_classes(self._classes)
        if trained.translates and self._steps is not None:
            raise UsageError("--interpolate is for architectures that start from latents")
        if self.number > _MOST:
            raise UsageError(f"{self._count} rows of {self._steps} are more than {_MOST} images")

    def batches(self) -> Iterator[torch.Tensor]:
        """The images, some at a time; with interpolation a row at a time."""
        trained, common = self._trained, (self._seed, self._truncation, self._classes)
        if self._steps is None:
            return trained.batches(self._count, *common)
        return trained.interpolate(self._count, self._steps, *common)


def _kind(out: str, single: bool) -> Kind:
    """What is written, by the name of it."""
    suffix = Path(out).suffix.lower()
    if single or out.endswith(("/", os.sep)) or (Path(out).is_dir() and suffix == ""):
        return "folder"
    kinds: dict[str, Kind] = {".png": "grid", ".npz": "array"}
    if suffix not in kinds:
        raise UsageError(
            f"-o {out}: the picture is written as PNG, so the name must end in .png; in .npz for an "
            "array, in / for a folder of single images"
        )
    return kinds[suffix]


def _checked(out: str, kind: Kind) -> Path:
    if kind == "folder":
        from ganbench.execution.sample_files import check_folder

        check_folder(Path(out))
        return Path(out)
    target = checked_target(out)
    assert target is not None
    return target


def _write(
    target: Path,
    kind: Kind,
    trained: Trained,
    batches: Iterator[torch.Tensor],
    number: int,
    given: ImageData | None,
    interpolate: int | None,
) -> None:
    from ganbench.execution import sample_files

    if kind == "folder":
        sample_files.write_folder(target, batches)
    elif kind == "array":
        sample_files.write_array(target, batches, number, trained.data)
    else:
        _picture(trained, given, interpolate)(target, batches)


def _picture(
    trained: Trained, given: ImageData | None, interpolate: int | None
) -> Callable[[Path, Iterator[torch.Tensor]], None]:
    """What draws all samples in one picture."""
    import torch

    from ganbench.evaluation import pictures
    from ganbench.training.batches import to_uint8

    def draw(target: Path, batches: Iterator[torch.Tensor]) -> None:
        if given is not None:
            assert given.sources is not None
            targets = given.images if given.paired else None
            pictures.save_translations(target, given.sources, torch.cat(list(batches)), targets)
        elif interpolate is not None and trained.data.kind == "image":
            pictures.save_rows(target, [to_uint8(row) for row in batches])
        else:
            pictures.save_samples(target, torch.cat(list(batches)), trained.data)

    return draw


def _shown(batches: Iterator[torch.Tensor], number: int) -> Iterator[torch.Tensor]:
    """The batches, with a bar on a terminal where there are many."""
    if number < _LONG or not sys.stderr.isatty():
        yield from batches
        return
    with click.progressbar(length=number, label="Sampling", file=sys.stderr) as bar:
        for batch in batches:
            yield batch
            bar.update(len(batch))
