"""Bicubic resizing beside Pillow's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ganbench_extractors.resizing import bicubic, clean

SIDE = 224


def by_pillow(image: Tensor) -> Tensor:
    """Widths first: which comes first has changed between versions."""
    picture = Image.fromarray(image.permute(1, 2, 0).numpy())
    wide = picture.resize((SIDE, picture.height), Image.Resampling.BICUBIC)
    resized = wide.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1).float()


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (100, 300), (300, 260), (512, 224)])
def test_images_are_resized_as_pillow_does(size: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(256, (2, 3, *size), generator=random, dtype=torch.uint8)
    found = bicubic(images, SIDE)
    difference = (found - torch.stack([by_pillow(image) for image in images])).abs()
    assert difference.max() <= 1
    assert (difference > 0).double().mean() < 0.001


def test_images_of_that_size_stay_as_they_are() -> None:
    images = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(bicubic(images, 16), images.float())


@pytest.mark.parametrize("size", [(32, 32), (100, 300), (512, 299)])
def test_clean_resizing_is_pillows_of_float_channels(size: tuple[int, int]) -> None:
    """Against the lines of clean-fid: each channel as an image of mode F, nothing rounded."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(256, (2, 3, *size), generator=random, dtype=torch.uint8)

    def channel(values: Tensor) -> Tensor:
        picture = Image.fromarray(values.numpy().astype(np.float32), mode="F")
        return torch.from_numpy(np.array(picture.resize((299, 299), Image.Resampling.BICUBIC)))

    expected = torch.stack([torch.stack([channel(one) for one in image]) for image in images])
    assert expected.max() > 255 or size == (512, 299)  # the filter overshoots, and nothing clips it
    assert (clean(images, 299) - expected).abs().max() < 0.02
