"""The files that a fit leaves: samples beside real images, the generator, the report."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image, ImageDraw

from ganbench.base.errors import GanbenchError
from ganbench.base.files import replacing, storage_errors
from ganbench.components.data import ImageData
from ganbench.evaluation.features import choice
from ganbench.evaluation.pictures import tiles
from ganbench.generators.api import export, sample
from ganbench.registry.lookup import default_registry
from ganbench.report.api import report

PICTURE, GENERATOR, REPORT = "samples.png", "generator.pt2", "report.html"
_IMAGES = 64
_MARGIN, _HEAD = 16, 28
_PAPER, _INK = 255, 0


def write_files(
    folder: Path, trial: str, dataset: str, root: Path
) -> tuple[dict[str, Path], list[str]]:
    """Write picture, generator and report; also a sentence for each that cannot be written.

    :param trial: the id of the trial whose generator is shown and exported.
    :param dataset: spec of the images.
    """
    found, problems = dict[str, Path](), list[str]()
    for kind, write in (
        ("picture", lambda: _picture(folder, trial, dataset, root)),
        ("generator", lambda: export(folder, trial, folder / GENERATOR).path),
        ("report", lambda: report(folder, folder / REPORT)),
    ):
        try:
            found[kind] = write()
        except GanbenchError as error:
            problems.append(f"the {kind} cannot be written: {error}")
    return found, problems


def _picture(folder: Path, trial: str, dataset: str, root: Path) -> Path:
    """64 samples on the left, 64 real images on the right."""
    fakes = sample(folder, trial, _IMAGES, device="cpu")
    reals = _real(dataset, root)
    target = folder / PICTURE
    picture = beside(tiles(fakes), tiles(reals), ("generated", "real"))
    with storage_errors(target), replacing(target) as temporary:
        picture.save(temporary, format="PNG")
    return target


def _real(dataset: str, root: Path) -> torch.Tensor:
    """(n, c, h, w) uint8: real images, chosen evenly."""
    data = default_registry().bind("dataset", dataset).component.load("train", root)
    places = choice(len(data), _IMAGES)
    if isinstance(data, ImageData):
        return data.images[torch.from_numpy(places)].cpu()
    return torch.stack([torch.as_tensor(data[int(place)][0]) for place in places])


def beside(left: Image.Image, right: Image.Image, titles: tuple[str, str]) -> Image.Image:
    """Two pictures side by side with a title above each."""
    width = left.width + right.width + 3 * _MARGIN
    height = max(left.height, right.height) + _HEAD + 2 * _MARGIN
    canvas = Image.new("RGB", (width, height), (_PAPER,) * 3)
    draw = ImageDraw.Draw(canvas)
    at = _MARGIN
    for picture, title in zip((left, right), titles, strict=True):
        draw.text((at, _MARGIN), title, fill=(_INK,) * 3, font_size=18)
        canvas.paste(picture.convert("RGB"), (at, _MARGIN + _HEAD))
        at += picture.width + _MARGIN
    return canvas
