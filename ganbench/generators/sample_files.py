"""Samples as files: single images in a folder, or one array.

Samples are written batch by batch, so they may exceed the memory. They have the bytes that every
evaluation sees: rounded half up. A folder or file appears as a whole or not at all.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ganbench.base.errors import UsageError
from ganbench.base.files import replacing, storage_errors
from ganbench.base.pixels import to_uint8
from ganbench.components.data import DataSpec

_DIGITS = 5


def check_folder(target: Path) -> None:
    """Raise UsageError if ``target`` cannot become a new folder of images."""
    if target.exists() and not target.is_dir():
        raise UsageError(f"-o {target} is a file; name a folder")
    if target.is_dir() and any(target.iterdir()):
        raise UsageError(f"-o {target} is not empty; name an empty folder or a new one")
    if not target.absolute().parent.is_dir():
        raise UsageError(f"-o {target}: the folder {target.parent} does not exist")


def check_single(data: DataSpec, trial: str) -> None:
    """Raise UsageError for samples that do not fit into image files."""
    if data.kind == "points" or not (data.alpha or data.channels in (1, 3)):
        raise UsageError(
            f"the samples of trial {trial} are {data}, which image files cannot hold; write an .npz "
            "file with -o"
        )


def write_folder(target: Path, batches: Iterable[torch.Tensor]) -> int:
    """Write images as ``00000.png``, ``00001.png``, …; returns how many.

    :param batches: (b, c, h, w) in [-1, 1]; the last of 2 or 4 channels is opacity.
    :param target: see `check_folder`.
    """
    count = 0
    with storage_errors(target), replacing(target.absolute()) as folder:
        folder.mkdir()
        for batch in batches:
            for image in to_uint8(batch).permute(0, 2, 3, 1).numpy():
                picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
                picture.save(folder / f"{count:0{_DIGITS}}.png")
                count += 1
    return count


def write_array(target: Path, batches: Iterable[torch.Tensor], count: int, data: DataSpec) -> int:
    """Write an ``.npz`` file with one array, ``arr_0``: uint8 (n, h, w, c), or float32 (n, d) points."""
    points = data.kind == "points"
    shape = (count, data.channels) if points else (count, data.height, data.width, data.channels)
    header = {
        "descr": "<f4" if points else "|u1",
        "fortran_order": False,
        "shape": shape,
    }
    with (
        storage_errors(target),
        replacing(target) as temporary,
        zipfile.ZipFile(temporary, "x", zipfile.ZIP_STORED) as archive,
        archive.open("arr_0.npy", "w", force_zip64=True) as file,
    ):
        np.lib.format.write_array_header_1_0(file, header)
        for batch in batches:
            part = batch.flatten(1) if points else to_uint8(batch).permute(0, 2, 3, 1)
            file.write(np.ascontiguousarray(part.numpy()).tobytes())
    return count
