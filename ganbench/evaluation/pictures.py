"""Sample pictures: a grid of images, or points over the real ones."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image, PngImagePlugin

from ganbench.base.channels import checkerboard, in_view, view_rule
from ganbench.base.files import replacing, storage_errors
from ganbench.base.pixels import to_uint8
from ganbench.components.data import DataSpec

_MIN_CELL = 64  # pixels: an 8x8 digit has to be readable
_GAP = 4
_GRAY = 128  # of the gaps: unlike the ink and the paper of common data


def save_samples(
    path: Path, samples: torch.Tensor, data: DataSpec, real: torch.Tensor | None = None
) -> None:
    """Write a PNG of samples (n, c, h, w) in [-1, 1]; ``real`` is drawn behind points.

    Images of other channels than 1 or 3 appear by the rule of `ganbench.base.channels`, over a
    checkerboard where they have an opacity; the file's text ``shows`` says what is seen.
    """
    if data.kind == "points":
        _write(path, _scatter(samples, real))
        return
    rule = view_rule(data.channels, data.alpha, "a checkerboard")
    picture = tiles(to_uint8(samples.detach().cpu()), data.alpha)
    _write(path, picture, {"shows": rule} if rule else {})


def save_translations(
    path: Path,
    sources: torch.Tensor,
    fakes: torch.Tensor,
    targets: torch.Tensor | None,
    alpha: bool = False,
) -> None:
    """Write a PNG with each source beside its translation, and its target if there is one.

    :param sources: (m, c', h, w) uint8, m at least n.
    :param fakes: (n, c, h, w) in [-1, 1].
    :param targets: (m, c, h, w) uint8, or None.
    :param alpha: whether the last channel of 2 or 4 is opacity.
    """
    count = len(fakes)
    stacks = [sources[:count].cpu(), to_uint8(fakes.detach().cpu())]
    if targets is not None:
        stacks.append(targets[:count].cpu())
    strips = torch.cat([_colored(stack, alpha) for stack in stacks], dim=3)
    columns = max(1, round(math.sqrt(count / len(stacks))))
    _write(path, _mosaic(strips, columns))


def save_rows(
    path: Path,
    rows: Sequence[torch.Tensor],
    texts: Mapping[str, str] | None = None,
    alpha: bool = False,
) -> None:
    """Write a PNG of rows of images, each uint8 (n, c, h, w), the first on top.

    :param texts: text entries of the file.
    :param alpha: whether the images' last channel is opacity.
    """
    images = _drawable(torch.cat(list(rows)), alpha)
    _write(path, _mosaic(images, len(rows[0])), texts)


def save_pairs(path: Path, left: torch.Tensor, right: torch.Tensor, alpha: bool = False) -> None:
    """Write a PNG with each image of one batch beside that of the other, both uint8 (n, c, h, w)."""
    strips = torch.cat([_drawable(left.cpu(), alpha), _drawable(right.cpu(), alpha)], dim=3)
    _write(path, _mosaic(strips, max(1, round(math.sqrt(len(strips) / 2)))))


def save_timeline(path: Path, frames: Mapping[str, torch.Tensor], alpha: bool = False) -> None:
    """Write a PNG with a row for each frame, tick -> uint8 (n, c, h, w).

    The file holds the ``ticks`` of its rows and the ``gap`` around each image in pixels.
    """
    texts = {"ticks": " ".join(frames), "gap": str(_GAP)}
    save_rows(path, list(frames.values()), texts, alpha)


def _write(path: Path, picture: Image.Image, texts: Mapping[str, str] | None = None) -> None:
    known = PngImagePlugin.PngInfo()
    for name, text in (texts or {}).items():
        known.add_text(name, text)
    with storage_errors(path), replacing(path) as temporary:
        picture.save(temporary, format="PNG", pnginfo=known)


def tiles(images: torch.Tensor, alpha: bool = False) -> Image.Image:
    """A square of uint8 (n, c, h, w) images on the CPU."""
    return _mosaic(_drawable(images, alpha), math.ceil(math.sqrt(len(images))))


def _drawable(images: torch.Tensor, alpha: bool = False) -> torch.Tensor:
    """(n, 1 or 3, h, w), see `ganbench.base.channels`."""
    return in_view(images, alpha, checkerboard(images) if alpha else 0)


def _colored(images: torch.Tensor, alpha: bool) -> torch.Tensor:
    """(n, 3, h, w), gray images as color ones."""
    opaque = images.shape[1] in (1, 3)
    return _drawable(images, alpha and not opaque).expand(-1, 3, -1, -1)


def _mosaic(images: torch.Tensor, columns: int) -> Image.Image:
    """uint8 (n, 1 or 3, h, w) images on a grid, small ones enlarged."""
    scale = max(1, math.ceil(_MIN_CELL / min(images.shape[2:])))
    images = images.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    count, channels, height, width = images.shape
    rows = math.ceil(count / columns)
    canvas = torch.full(
        (channels, rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP),
        _GRAY,
        dtype=torch.uint8,
    )
    for index, image in enumerate(images):
        top = _GAP + (index // columns) * (height + _GAP)
        left = _GAP + (index % columns) * (width + _GAP)
        canvas[:, top : top + height, left : left + width] = image
    array = canvas.permute(1, 2, 0).numpy()
    return Image.fromarray(array[..., 0] if channels == 1 else array)


def _scatter(samples: torch.Tensor, real: torch.Tensor | None) -> Image.Image:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), dpi=100)
    axes = figure.add_subplot()
    if real is not None:
        _plot(axes, real, "0.75", "real")
    _plot(axes, samples, "tab:blue", "generated")
    axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal")
    axes.legend(loc="upper right", fontsize="small")
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    buffer.seek(0)
    return Image.open(buffer).convert("RGB")


def _plot(axes: object, points: torch.Tensor, color: str, label: str) -> None:
    flat = points.detach().cpu().flatten(1)
    y = flat[:, 1] if flat.shape[1] > 1 else torch.zeros(len(flat))
    axes.scatter(flat[:, 0].numpy(), y.numpy(), s=3, c=color, label=label, linewidths=0)  # type: ignore[attr-defined]
