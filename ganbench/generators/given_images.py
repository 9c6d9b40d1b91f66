"""Pictures that a person hands to a generator, in its size and channels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch

from ganbench.base.errors import DataNotFoundError, UsageError
from ganbench.base.fitting import Fit, fitted
from ganbench.base.image_files import open_images
from ganbench.base.images import ImageError, decode_image, read_image_file
from ganbench.components.data import DataSpec


def picture_files(paths: Sequence[str | Path]) -> list[Path]:
    """The files, and those in the folders, in order.

    :raises DataNotFoundError: for a path that does not exist, or a folder without pictures.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += [path / name for name in open_images(path).names]
        elif path.is_file():
            found.append(path)
        else:
            raise DataNotFoundError(f"{path}: this file or folder does not exist")
    return found


def read_pictures(files: Sequence[Path], data: DataSpec, fit: Fit = "crop") -> torch.Tensor:
    """(n, c, h, w) uint8: the pictures as a generator of ``data`` makes them.

    :raises UsageError: for a file that is not a picture, or data that no picture holds.
    """
    if data.channels > 4 or (data.channels in (2, 4) and not data.alpha):
        raise UsageError(f"pictures cannot hold {data}; in Python, hand an array to gb.project")
    channels = cast(Literal[1, 2, 3, 4], data.channels)
    images = []
    for file in files:
        try:
            pixels = decode_image(read_image_file(file), channels)
        except (ImageError, OSError) as error:
            raise UsageError(f"{file} cannot be read as a picture: {error}") from error
        images.append(fitted(pixels, data.height, data.width, fit, data.alpha))
    return torch.from_numpy(np.stack(images))
