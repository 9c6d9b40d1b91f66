"""A folder of images of 1 to 16 channels, and the ways to fit images into one shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganbench as gb
from ganbench.base.fitting import fitted
from ganbench_datasets.folder import Folder

tifffile = pytest.importorskip("tifffile")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def bands(channels: int, height: int = 6, width: int = 8) -> np.ndarray:
    """(h, w, c) uint8: another value in each channel, and a brighter left half."""
    image = np.zeros((height, width, channels), np.uint8)
    image[:] = 10 * np.arange(channels)
    image[:, : width // 2] += 50
    return image


def loaded(path: Path, **options: Any) -> gb.ImageData:
    dataset = Folder(path=str(path), test_fraction=0.0, **({"height": 6, "width": 8} | options))
    data = dataset.load("train", path)
    assert isinstance(data, gb.ImageData)
    assert data.spec == dataset.spec(path)
    return data


def test_npy_and_tiff_stacks_are_read_with_channels_first_or_last(tmp_path: Path) -> None:
    expected = bands(13).transpose(2, 0, 1)
    np.save(tmp_path / "a.npy", bands(13))
    np.save(tmp_path / "b.npy", expected)
    tifffile.imwrite(tmp_path / "c.tif", expected, photometric="minisblack")
    wide = (expected.astype(np.uint16) * 257).transpose(1, 2, 0)
    tifffile.imwrite(tmp_path / "d.tif", wide, photometric="minisblack", planarconfig="contig")
    images = loaded(tmp_path, channels=13).images.numpy()
    assert len(images) == 4
    assert (images == expected).all()


def test_one_npz_file_holds_images_and_labels(tmp_path: Path) -> None:
    images = np.stack([bands(5) + row for row in range(6)])
    np.savez_compressed(tmp_path / "all.npz", arr_0=images, labels=np.array([2, 0, 1, 0, 2, 1]))
    data = loaded(tmp_path / "all.npz", channels=5)
    assert data.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert (data.images[0].numpy() == images[1].transpose(2, 0, 1)).all()


def test_values_without_a_defined_white_need_one(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", bands(5).astype(np.float32) / 255)
    with pytest.raises(gb.UsageError, match=r"float32.*set white"):
        loaded(tmp_path, channels=5)
    assert (
        loaded(tmp_path, channels=5, white=1.0).images[0].numpy().transpose(1, 2, 0) == bands(5)
    ).all()


def test_another_number_of_channels_is_refused_with_the_right_one(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", bands(7, 20, 20))
    with pytest.raises(gb.UsageError, match="set channels=7"):
        Folder(path=str(tmp_path)).spec(tmp_path)
    with pytest.raises(gb.UsageError, match="at most 16"):
        gb.get("dataset", f"folder[path={tmp_path},channels=17]")


def test_pictures_keep_their_opacity_where_it_is_asked_for(tmp_path: Path) -> None:
    pixels = bands(4)
    pixels[..., 3] = 0
    pixels[:, :4, 3] = 255
    Image.fromarray(pixels, "RGBA").save(tmp_path / "a.png")
    data = loaded(tmp_path, channels=4)
    assert data.alpha
    assert (data.images[0].numpy().transpose(1, 2, 0) == pixels).all()
    assert loaded(tmp_path, channels=2).images.shape[1] == 2
    white = loaded(tmp_path, channels=3).images[0]
    assert (white[:, :, 4:] == 255).all()
    assert not (white[:, :, :4] == 255).any()


def test_crop_pad_and_stretch() -> None:
    image = np.zeros((8, 16, 3), np.uint8)
    image[:, 4:12] = 200
    assert (fitted(image, 8, 8) == 200).all()
    padded = fitted(image, 16, 16, "pad")
    assert (padded[:, 4:12, 4:12] == 200).all()
    assert not padded[:, :4].any()
    stretched = fitted(image, 16, 16, "stretch")
    assert (stretched[:, 0, 6:10] == 200).all()
    assert not stretched[:, :, 0].any()
    assert fitted(image, 4, 12).shape == (3, 4, 12)


@pytest.mark.parametrize("kind", ["paired-folder", "unpaired-folder"])
def test_folders_for_translation_have_the_same_choice(kind: str, tmp_path: Path) -> None:
    names = ["train", "val"] if kind == "paired-folder" else ["trainA", "trainB", "testA", "testB"]
    for name in names:
        (tmp_path / name).mkdir()
        Image.fromarray(bands(3, 8, 24)).save(tmp_path / name / "a.png")
    dataset = gb.get("dataset", f"{kind}[path={tmp_path},height=8,width=12,fit=pad]")
    assert dataset.spec(tmp_path) == dataset.load("train", tmp_path).spec
    assert dataset.spec(tmp_path).shape == (3, 8, 12)
