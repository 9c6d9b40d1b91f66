"""The files that a fit leaves: samples beside real images, the generator, the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from ganbench.base.errors import GanbenchError
from ganbench.base.files import replacing, storage_errors
from ganbench.components.data import ImageData
from ganbench.evaluation.features import choice
from ganbench.evaluation.pictures import tiles
from ganbench.generators.api import export, sample
from ganbench.generators.export import Exported
from ganbench.registry.lookup import default_registry
from ganbench.report.api import report
from ganbench.store.run_folder import RunFolder

PICTURE, GENERATOR, REPORT = "samples.png", "generator.pt2", "report.html"
_IMAGES = 64
_MARGIN, _HEAD = 16, 28
_PAPER, _INK = 255, 0


def write_files(
    folder: Path, trial: str, dataset: str, root: Path, words: Sequence[str] = ()
) -> tuple[dict[str, Path], list[str]]:
    """Write picture, generator and report; also how to use the generator, and what cannot be written.

    :param trial: the id of the trial whose generator is shown and exported.
    :param dataset: spec of the images.
    :param words: the outcome in plain words, which the report opens with.
    """
    found, notes = dict[str, Path](), list[str]()

    def generator() -> Path:
        exported = export(folder, trial, folder / GENERATOR)
        notes.append(_use(exported))
        return exported.path

    for kind, write in (
        ("picture", lambda: _picture(folder, trial, dataset, root)),
        ("generator", generator),
        ("report", lambda: _report(folder, words)),
    ):
        try:
            found[kind] = write()
        except GanbenchError as error:
            notes.append(f"the {kind} cannot be written: {error}")
    return found, notes


def _use(exported: Exported) -> str:
    """How to make images with the file."""
    facts = exported.metadata
    inputs = f"torch.randn(16, {facts['latent_dim']})"
    what = f"latents of {facts['latent_dim']} normal numbers"
    if facts["classes"]:
        inputs += f", torch.randint({facts['classes']}, (16,))"
        what += f" and classes from 0 to {facts['classes'] - 1}"
    call = f'torch.export.load("{exported.path}").module()({inputs})'
    return f"The generator takes {what}: {call} gives 16 images in [-1, 1]."


def _report(folder: Path, words: Sequence[str]) -> Path:
    """The report, which opens with the words."""
    RunFolder(folder).write_closing_words(words)
    return report(folder, folder / REPORT)


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
