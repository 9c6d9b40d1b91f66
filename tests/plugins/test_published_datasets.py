"""Published data sets in the layouts in which people have them, with a few made-up images."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

import ganbench as gb
from ganbench.base.vision import import_torchvision

WIDE = 24  # pixels a side of the made-up files


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def picture(value):
    return Image.new("RGB", (WIDE, WIDE), (value, value, value))


def write(root, values):
    """Files of one color each."""
    for name, value in values.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        picture(value).save(root / name)


def values(data):
    return data.images.flatten(1)[:, 0].tolist()


def loaded(name, root, **options):
    dataset = gb.get("dataset", name)
    train, test = dataset.load("train", root), dataset.load("test", root)
    assert dataset.spec(root) == train.spec
    return train, test


def test_cifar100_has_its_fine_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(import_torchvision().datasets.cifar, "check_integrity", lambda *_: True)
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3 * 32 * 32), dtype=np.uint8)
    batch = {"data": pixels, "fine_labels": [3, 99], "coarse_labels": [0, 1]}
    for name in ("train", "test"):
        (folder / name).write_bytes(pickle.dumps(batch))
    names = [f"kind {number}" for number in range(100)]
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": names}))
    train, test = loaded("cifar100", tmp_path)
    assert train.labels.tolist() == [3, 99]
    assert train.class_names[99] == "kind 99"
    assert train.images.numpy().tobytes() == pixels.tobytes() == test.images.numpy().tobytes()


def test_stl10_has_105000_images_without_classes_or_5000_with(tmp_path, monkeypatch):
    loader = import_torchvision().datasets.STL10
    monkeypatch.setattr(loader, "_check_integrity", lambda self: True)
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    (folder / "class_names.txt").write_text("airplane\nbird\n")
    (folder / "fold_indices.txt").write_text("")
    for name, count in (("train", 2), ("test", 3), ("unlabeled", 4)):
        one = np.arange(count, dtype=np.uint8)[:, None] + 10 * len(name)
        (folder / f"{name}_X.bin").write_bytes(np.repeat(one, 3 * 96 * 96, 1).tobytes())
        if name != "unlabeled":  # classes count from 1 there
            (folder / f"{name}_y.bin").write_bytes(
                np.arange(1, count + 1, dtype=np.uint8).tobytes()
            )
    train, test = loaded("stl10", tmp_path)
    assert train.images.shape == (6, 3, 48, 48)
    assert train.labels is None
    assert (values(train), values(test)) == ([50, 51, 90, 91, 92, 93], [40, 41, 42])
    train, test = loaded("stl10[unlabeled=false,size=96]", tmp_path)
    assert train.images.shape == (2, 3, 96, 96)
    assert (train.labels.tolist(), test.labels.tolist()) == ([0, 1], [0, 1, 2])


def test_tiny_imagenet_takes_its_validation_set_as_test_split(tmp_path):
    root = tmp_path / "tiny-imagenet-200"
    write(root, {"train/n02/images/n02_0.JPEG": 20, "train/n01/images/n01_0.JPEG": 10,
                 "val/images/val_0.JPEG": 40, "val/images/val_1.JPEG": 30,
                 "test/images/test_0.JPEG": 90})  # fmt: skip
    (root / "train/n01/n01_boxes.txt").write_text("")
    rows = ["val_0.JPEG\tn02\t0\t0\t1\t1", "val_1.JPEG\tn01\t0\t0\t1\t1"]
    (root / "val/val_annotations.txt").write_text("\n".join(rows))
    train, test = loaded("tiny-imagenet[size=8]", tmp_path)
    assert (values(train), train.labels.tolist()) == ([10, 20], [0, 1])
    assert (values(test), test.labels.tolist()) == ([40, 30], [1, 0])
    assert train.class_names == ("n01", "n02")
    (root / "val/val_annotations.txt").unlink()
    with pytest.raises(gb.DataNotFoundError, match=r"val_annotations.txt cannot be read"):
        gb.get("dataset", "tiny-imagenet").load("train", tmp_path)


@pytest.mark.parametrize("version", ["afhq", "afhq_v2"])
def test_afhq_has_three_classes_or_one_domain(tmp_path, version):
    tests = "val" if version == "afhq" else "test"
    found = {}
    for number, kind in enumerate(("cat", "dog", "wild")):
        found |= {
            f"train/{kind}/{kind}_1.jpg": 10 + number,
            f"{tests}/{kind}/{kind}_2.jpg": 20 + number,
        }
    write(tmp_path / version, found)
    train, test = loaded("afhq[size=8]", tmp_path)
    assert (values(train), train.labels.tolist()) == ([10, 11, 12], [0, 1, 2])
    assert values(test) == [20, 21, 22]
    train, test = loaded("afhq[size=8,domain=dog]", tmp_path)
    assert (values(train), values(test), train.labels) == ([11], [21], None)


def test_ffhq_keeps_its_last_10000_faces_for_the_test(tmp_path):
    write(tmp_path / "ffhq/images1024x1024",
          {"00000/00000.png": 1, "59000/59999.png": 2, "60000/60000.png": 3})  # fmt: skip
    train, test = loaded("ffhq[size=8]", tmp_path)
    assert (values(train), values(test)) == ([1, 2], [3])
    write(tmp_path / "ffhq/thumbnails128x128", {"00000/00000.png": 5, "60000/60000.png": 6})
    assert values(loaded("ffhq[size=8]", tmp_path)[0]) == [5]
    assert values(loaded("ffhq[size=256]", tmp_path)[0]) == [1, 2]
    write(tmp_path / "ffhq/images1024x1024", {"me.png": 7})
    with pytest.raises(gb.DataNotFoundError, match=r"has a file me; put the numbered files"):
        gb.get("dataset", "ffhq[size=256]").load("train", tmp_path)


def test_lsun_is_read_from_its_databases(tmp_path):
    lmdb = pytest.importorskip("lmdb")
    for name, shades in (("train", [10, 20, 30]), ("val", [40])):
        place = tmp_path / "lsun" / f"church_outdoor_{name}_lmdb"
        place.mkdir(parents=True)
        with lmdb.open(str(place)) as database, database.begin(write=True) as writer:
            for number, shade in enumerate(shades):
                content = io.BytesIO()
                picture(shade).save(content, "WEBP", lossless=True)
                writer.put(f"key{number}".encode(), content.getvalue())
    train, test = loaded("lsun[category=church_outdoor,size=8]", tmp_path)
    assert (values(train), values(test), train.labels) == ([10, 20, 30], [40], None)
    assert values(loaded("lsun[category=church_outdoor,size=8,images=2]", tmp_path)[0]) == [10, 20]
    assert torch.equal(train.images[0], train.images[0, :1, :1, :1].expand(3, 8, 8))
    (tmp_path / "lsun/church_outdoor_val_lmdb/data.mdb").write_bytes(b"no database")
    with pytest.raises(gb.DataNotFoundError, match="cannot be read"):
        gb.get("dataset", "lsun[category=church_outdoor]").load("test", tmp_path)


def test_lsun_without_its_package_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "lsun/bedroom_train_lmdb").mkdir(parents=True)
    (tmp_path / "lsun/bedroom_train_lmdb/data.mdb").write_bytes(b"")
    monkeypatch.setattr("ganbench_datasets.lsun.find_spec", lambda name: None)
    with pytest.raises(gb.UsageError, match=r"pip install 'ganbench\[lsun\]'"):
        gb.get("dataset", "lsun").load("train", tmp_path)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("tiny-imagenet", "tiny-imagenet-200"),
        ("lsun", "lsun/bedroom_train_lmdb"),
        ("ffhq", "ffhq/images1024x1024"),
        ("afhq", "afhq"),
    ],
)
def test_missing_data_is_one_sentence_that_says_what_to_put_where(name, place, tmp_path):
    dataset = gb.get("dataset", name)
    with pytest.raises(gb.DataNotFoundError) as caught:
        dataset.load("train", tmp_path)
    assert str(tmp_path / place) in str(caught.value)
    assert "put" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [level for level, _ in dataset.diagnose(tmp_path, tmp_path)] == ["ok"]
