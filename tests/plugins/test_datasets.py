"""The data sets that come with scikit-learn or through torchvision."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganbench as gb
from ganbench.base.vision import import_torchvision


def refuse(*args: object, **kwargs: object) -> None:
    raise urllib.error.URLError("no route to host")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    celeba = import_torchvision().datasets.celeba
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(celeba, "download_file_from_google_drive", refuse)


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim])
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(header + sizes + array.tobytes())


@pytest.fixture
def small_mnist(tmp_path: Path) -> Callable[[str], Path]:
    """A data folder with six training and four test images of random pixels."""

    def make(name: str) -> Path:
        raw = tmp_path / name / "raw"
        raw.mkdir(parents=True)
        random = np.random.default_rng(0)
        for prefix, count in (("train", 6), ("t10k", 4)):
            pixels = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
            write_idx(raw / f"{prefix}-images-idx3-ubyte", pixels)
            write_idx(raw / f"{prefix}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8))
        return tmp_path

    return make


def test_digits_are_split_by_class_and_every_image_is_in_one_split(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    digits = gb.get("dataset", "digits")
    train, test = digits.load("train", tmp_path), digits.load("test", tmp_path)
    assert (len(train), len(test)) == (1438, 359)
    assert train.spec == digits.spec(tmp_path) == gb.DataSpec(1, 8, 8, classes=10)
    share = torch.bincount(test.labels) / (
        torch.bincount(train.labels) + torch.bincount(test.labels)
    )
    assert bool(((share - 0.2).abs() < 0.01).all())
    both = torch.cat([train.images, test.images]).flatten(1).double()
    original = np.rint(load_digits().data * 255 / 16)
    assert sorted(map(tuple, both.tolist())) == sorted(map(tuple, original.tolist()))


def test_digits_are_the_same_every_time_and_can_be_enlarged(tmp_path: Path) -> None:
    digits = gb.get("dataset", "digits")
    assert torch.equal(digits.load("test", tmp_path).images, digits.load("test", tmp_path).images)
    large = gb.get("dataset", "digits[size=16]")
    assert large.load("test", tmp_path).images.shape == (359, 1, 16, 16)
    assert large.spec(tmp_path) == gb.DataSpec(1, 16, 16, classes=10)


@pytest.mark.parametrize(
    ("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")]
)
def test_mnist_files_in_the_data_folder_are_read_as_they_are(
    small_mnist: Callable[[str], Path], name: str, folder: str
) -> None:
    root = small_mnist(folder)
    data = gb.get("dataset", name).load("train", root)
    written = (root / folder / "raw" / "train-images-idx3-ubyte").read_bytes()[16:]
    assert data.images.numpy().tobytes() == written
    assert data.images.shape == (6, 1, 28, 28)
    assert data.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert len(data.class_names) == 10
    assert len(gb.get("dataset", name).load("test", root)) == 4


def test_mnist_at_32_pixels_keeps_every_pixel_inside_a_black_border(
    small_mnist: Callable[[str], Path],
) -> None:
    root = small_mnist("MNIST")
    plain = gb.get("dataset", "mnist").load("train", root).images
    padded = gb.get("dataset", "mnist[size=32]").load("train", root).images
    assert torch.equal(padded[..., 2:-2, 2:-2], plain)
    assert padded.sum() == plain.sum()


def test_mnist_at_half_size_averages(small_mnist: Callable[[str], Path]) -> None:
    root = small_mnist("MNIST")
    plain = gb.get("dataset", "mnist").load("train", root).images
    half = gb.get("dataset", "mnist[size=14]").load("train", root).images
    assert half.shape == (6, 1, 14, 14)
    assert half.dtype == torch.uint8
    assert abs(half.double().mean() - plain.double().mean()) < 1
    assert half.double().std() < plain.double().std()


def test_the_real_mnist_has_its_known_counts() -> None:
    root = os.environ.get("GANBENCH_DATA")
    if not root or not (Path(root) / "MNIST" / "raw").is_dir():
        pytest.skip("GANBENCH_DATA names no folder with MNIST/raw")
    mnist = gb.get("dataset", "mnist")
    train, test = mnist.load("train", Path(root)), mnist.load("test", Path(root))
    assert train.spec == mnist.spec(Path(root))
    assert torch.bincount(train.labels).tolist()[:3] == [5923, 6742, 5958]
    assert (len(train), len(test)) == (60_000, 10_000)
    assert abs(train.images.double().mean() / 255 - 0.1307) < 1e-4


def test_cifar10_images_come_out_with_channels_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_torchvision().datasets.cifar, "check_integrity", lambda *_: True)
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3 * 32 * 32), dtype=np.uint8)
    batch = {"data": pixels, "labels": [3, 9]}
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    for name in names:
        (folder / name).write_bytes(pickle.dumps(batch))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": ["x"] * 10}))
    cifar = gb.get("dataset", "cifar10")
    data = cifar.load("train", tmp_path)
    assert len(data) == 10
    assert data.spec == cifar.spec(tmp_path)
    assert data.labels.tolist() == [3, 9] * 5
    assert data.images[:2].numpy().tobytes() == pixels.tobytes()


def test_celeba_shows_the_central_square_of_the_faces_of_a_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader = import_torchvision().datasets.CelebA
    monkeypatch.setattr(loader, "_check_integrity", lambda self: True)
    faces = tmp_path / "celeba" / "img_align_celeba"
    faces.mkdir(parents=True)
    rows = []
    for number, part in enumerate([0, 0, 1, 2, 2]):
        face = np.zeros((218, 178, 3), np.uint8)
        face[20:-20] = 40 * (number + 1)
        Image.fromarray(face).save(faces / f"{number}.png")
        rows.append(f"{number}.png {part}")
    (tmp_path / "celeba" / "list_eval_partition.txt").write_text("\n".join(rows))
    for name in ("identity_CelebA", "list_bbox_celeba", "list_landmarks_align_celeba"):
        header = "" if name.startswith("identity") else "5\nvalue\n"
        (tmp_path / "celeba" / f"{name}.txt").write_text(header + "\n".join(rows))
    (tmp_path / "celeba" / "list_attr_celeba.txt").write_text("5\nvalue\n" + "\n".join(rows))
    celeba = gb.get("dataset", "celeba")
    train, test = celeba.load("train", tmp_path), celeba.load("test", tmp_path)
    assert train.spec == celeba.spec(tmp_path) == gb.DataSpec(3, 64, 64)
    assert train.images.flatten(1).double().mean(1).tolist() == [40, 80]
    assert test.images.unique().tolist() == [160, 200]
    (faces / "1.png").write_bytes(b"no image")
    less = celeba.load("train", tmp_path)
    assert len(less) == 1
    assert less.notes[0].startswith("skipped 1 of 2 images that cannot be read: 1.png")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("mnist", "MNIST/raw"),
        ("fashion-mnist", "FashionMNIST/raw"),
        ("cifar10", "cifar-10-python.tar.gz"),
        ("celeba", "img_align_celeba"),
        ("cifar100", "cifar-100-python.tar.gz"),
        ("stl10", "stl10_binary.tar.gz"),
    ],
)
@pytest.mark.usefixtures("no_network")
def test_data_that_cannot_be_had_is_one_sentence_that_says_what_to_put_where(
    name: str, place: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    dataset = gb.get("dataset", name)
    assert dataset.spec(root).height >= 28
    with pytest.raises(gb.DataNotFoundError) as caught:
        dataset.load("train", root)
    message = str(caught.value)
    assert str(root.absolute()) in message
    assert place in message
    assert "no route to host" in message
    assert "\n" not in message
    assert capfd.readouterr().out == ""


@pytest.mark.usefixtures("no_network")
def test_a_data_folder_that_cannot_be_made_is_such_a_sentence_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(gb.DataNotFoundError, match="cannot be downloaded"):
        gb.get("dataset", "mnist").load("train", tmp_path / "file")


def test_a_damaged_file_is_named_as_such(small_mnist: Callable[[str], Path]) -> None:
    root = small_mnist("MNIST")
    images = root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-100])
    with pytest.raises(gb.DataNotFoundError, match="cannot be read") as caught:
        gb.get("dataset", "mnist").load("train", root)
    assert str(images.parent) in str(caught.value)


def test_listing_and_specs_need_no_torch(tmp_path: Path) -> None:
    code = f"""
        import pathlib, sys
        import ganbench as gb, ganbench_datasets, ganbench_extractors
        from ganbench.registry.lookup import components
        for name in ("digits", "mnist", "cifar10", "celeba", "ring"):
            gb.get("dataset", name).spec(pathlib.Path({str(tmp_path)!r}))
        assert {{"folder", "gaussian-grid"}} <= set(components("datasets"))
        assert {{"pixels", "small-cnn"}} <= set(components("extractors"))
        assert "torch" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=60)


def test_only_what_may_be_mirrored_recommends_flips() -> None:
    flips = {
        name: gb.get("dataset", name).recommends["flip"]
        for name in ("digits", "mnist", "fashion-mnist", "cifar10", "celeba", "ring")
    }
    assert [name for name, flip in flips.items() if flip] == ["cifar10", "celeba"]
