"""What a data set loads is checked before it is used."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganbench import DataSpec, ImageData
from ganbench.base.errors import ContractError
from ganbench.evaluation.loaded_split import check_loaded, check_spec

IMAGES = torch.arange(4 * 64, dtype=torch.uint8).reshape(4, 1, 8, 8)


class Items(torch.utils.data.Dataset):
    def __init__(self, item):
        self.item = item

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.item


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, "load returns None: return a ganbench.ImageData, or a torch.utils.data data set"),
        ((IMAGES, torch.zeros(4)), "load returns a tuple of 2"),
        (IMAGES, "load returns a Tensor"),
        (Items(IMAGES[0]), "load has items of a Tensor: make them (image, label) pairs"),
        (
            Items((IMAGES[0].float(), 0)),
            "image is (1, 8, 8) of torch.float32: make it a uint8 tensor",
        ),
        (
            Items((object(), 0)),
            "items whose image is a object: make it a uint8 tensor (c, h, w), for",
        ),
        (Items((IMAGES[0], "cat")), "items with the label 'cat': make it a class number from 0 on"),
        (ImageData(IMAGES, torch.tensor([0, 1, -1, 0])), "load gives the label -1"),
        (ImageData(torch.full((4, 2, 1, 1), torch.nan)), "load gives values that are not finite"),
    ],
)
def test_what_is_no_data_is_named(data, sentence):
    with pytest.raises(ContractError) as caught:
        check_loaded("load", data)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "item", [(IMAGES[0], 0), (IMAGES[0].numpy(), np.int64(1)), (IMAGES[0], None)]
)
def test_data_sets_of_pairs_are_data(item):
    check_loaded("load", Items(item))


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            DataSpec(1, 8, 9),
            "8x8 gray images, and spec(root) says 8x9 gray images: they must agree",
        ),
        (DataSpec(1, 8, 8, kind="points"), "images are uint8, float32 is for points"),
        (DataSpec(1, 8, 8, classes=2), "labels up to 6, and spec(root) says 2 classes"),
    ],
)
def test_samples_agree_with_the_spec(spec, sentence):
    with pytest.raises(ContractError) as caught:
        check_spec("load", ImageData(IMAGES, torch.tensor([0, 6, 1, 1])), spec)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ((IMAGES[:, 0],), "gray images have one channel: images[:, None]"),
        ((IMAGES.numpy(),), "images must be a tensor: write torch.from_numpy(images)"),
        ((IMAGES, torch.zeros(4)), "labels must be int64 class numbers, not torch.float32"),
    ],
)
def test_image_data_says_what_to_write(parts, sentence):
    with pytest.raises(ValueError, match="must be") as caught:
        ImageData(*parts)
    assert sentence in str(caught.value)
