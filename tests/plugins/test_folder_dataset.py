"""One's own images as a data set."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ganbench as gb
from ganbench.base import images
from ganbench_datasets import decoded as decoded_module
from ganbench_datasets.decoding import decode
from ganbench_datasets.folder import Folder
from ganbench_datasets.layout import arrange

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twelve photographs of cats and eight of dogs, each with pixels of its own."""
    random = np.random.default_rng(0)
    for kind, count in (("cat", 12), ("dog", 8)):
        (tmp_path / "pictures" / kind).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (9, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / kind / f"{number}.png")
    return tmp_path / "pictures"


def folder(path: Path | str, **options: Any) -> Folder:
    return Folder(path=str(path), size=options.pop("size", 8), **options)


def encoded(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def stripes(*colours: Sequence[int]) -> Image.Image:
    """Vertical stripes, 16 pixels wide and high each."""
    return Image.fromarray(
        np.concatenate([np.full((16, 16, 3), c, np.uint8) for c in colours], axis=1)
    )


def colour_of(image: np.ndarray) -> tuple[int, ...]:
    """The colour of an image that has one only."""
    values = np.unique(image.reshape(len(image), -1), axis=1)
    assert values.shape[1] == 1
    return tuple(values[:, 0].tolist())


# --- classes and splits


def test_folders_are_classes_in_alphabetical_order(pictures: Path) -> None:
    data = folder(pictures, test_fraction=0.0).load("train", pictures)
    assert data.class_names == ("cat", "dog")
    assert data.labels.tolist() == [0] * 12 + [1] * 8
    assert data.spec == folder(pictures).spec(pictures) == gb.DataSpec(3, 8, 8, classes=2)


def test_images_beside_the_folders_or_in_one_folder_have_no_classes(pictures: Path) -> None:
    assert folder(pictures / "cat").spec(pictures).classes == 0
    Image.new("RGB", (8, 8)).save(pictures / "loose.png")
    assert folder(pictures).spec(pictures).classes == 0
    assert folder(pictures).load("train", pictures).labels is None


def test_folders_that_every_image_shares_are_no_classes() -> None:
    layout = arrange(["images/train/b/1.png", "images/train/a/x/2.png"], 0.0)
    assert layout.class_names == ("a", "b")
    assert layout.labels == (0, 1)


def test_folders_named_train_and_test_are_the_splits() -> None:
    names = ["x/train/a/1.png", "x/train/b/2.png", "x/test/a/3.png", "x/val/b/4.png"]
    layout = arrange(names, 0.5)
    chosen = {
        split: [layout.names[i] for i in layout.members(split)] for split in ("train", "test")
    }
    assert chosen == {"train": names[:2], "test": ["x/test/a/3.png"]}
    assert layout.class_names == ("a", "b")


def test_adding_files_moves_no_other_to_another_split() -> None:
    names = [f"{number}.png" for number in range(1000)]
    few, many = arrange(names[::2], 0.1), arrange(names, 0.1)
    before = {few.names[i] for i in few.members("test")}
    after = {many.names[i] for i in many.members("test")}
    assert before == after & set(few.names)
    assert 70 < len(after) < 130
    assert len(many.members("train")) == 1000 - len(after)


# --- what becomes of an image


def test_the_central_square_is_cut_out_and_shrunk() -> None:
    assert colour_of(decode(encoded(stripes(RED, GREEN, BLUE)), 16, 3)) == GREEN
    assert colour_of(decode(encoded(stripes(RED, GREEN, BLUE)), 4, 3)) == GREEN
    assert (
        colour_of(decode(encoded(stripes(RED, GREEN, BLUE).rotate(90, expand=True)), 8, 3)) == GREEN
    )


def test_an_image_of_the_wanted_size_keeps_every_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image = decode(encoded(Image.fromarray(pixels)), 8, 3)
    assert np.array_equal(image, pixels.transpose(2, 0, 1))


def test_grey_sixteen_bit_palette_and_transparent_images_become_what_they_show() -> None:
    grey = Image.new("L", (8, 8), 100)
    assert colour_of(decode(encoded(grey), 8, 3)) == (100, 100, 100)
    assert colour_of(decode(encoded(stripes(BLUE).convert("P")), 8, 1)) == (29,)
    deep = np.full((8, 8), 200 * 257, np.uint16)
    assert colour_of(decode(encoded(Image.fromarray(deep)), 8, 1)) == (200,)
    assert colour_of(decode(b"P5 8 8 65535\n" + deep.astype(">u2").tobytes(), 8, 3)) == (200,) * 3
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert colour_of(decode(encoded(clear), 8, 3)) == (255, 255, 255)


def test_the_orientation_that_a_camera_noted_is_applied() -> None:
    tall = stripes(RED, GREEN)
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned = decode(encoded(tall.crop((0, 0, 16, 16)), exif=exif), 8, 3)
    assert colour_of(turned) == RED
    lying = decode(encoded(stripes(RED, GREEN).resize((16, 16)), exif=exif), 16, 3)
    assert lying[:, 0, 0].tolist() == list(GREEN)


# --- files that are missing or broken


def test_broken_images_are_skipped_named_and_counted(pictures: Path) -> None:
    (pictures / "cat" / "0.png").write_bytes(b"no image")
    whole = (pictures / "dog" / "3.png").read_bytes()
    (pictures / "dog" / "3.png").write_bytes(whole[: len(whole) // 2])
    data = folder(pictures, test_fraction=0.0).load("train", pictures)
    assert data.labels.tolist() == [0] * 11 + [1] * 7
    assert len(data.notes) == 1
    assert data.notes[0].startswith("skipped 2 of 20 images that cannot be read: cat/0.png (not an")
    assert "dog/3.png" in data.notes[0]


def test_images_without_a_defined_range_are_skipped_and_named(pictures: Path) -> None:
    ramp = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    Image.fromarray(ramp).save(pictures / "cat" / "depth.tiff")
    data = folder(pictures, test_fraction=0.0).load("train", pictures)
    assert len(data) == 20
    assert "cat/depth.tiff (Pillow's mode F" in data.notes[0]
    for file in pictures.rglob("*.png"):
        file.unlink()
    with pytest.raises(gb.DataNotFoundError, match=r"none of the 1 images .*mode F .*16-bit PNG"):
        folder(pictures, test_fraction=0.0).load("train", pictures)


def test_an_endless_file_is_skipped(pictures: Path) -> None:
    (pictures / "cat" / "endless.png").symlink_to("/dev/zero")
    data = folder(pictures, test_fraction=0.0).load("train", pictures)
    assert len(data) == 20
    assert "cat/endless.png (not a plain file)" in data.notes[0]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_member_too_large_for_an_image_is_skipped(
    kind: str, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pictures / "cat" / "huge.png").write_bytes(bytes(100_000))
    archive = shutil.make_archive(str(tmp_path / "packed"), kind, pictures)
    monkeypatch.setattr(images, "MOST_BYTES", 50_000)
    data = folder(archive, test_fraction=0.0).load("train", tmp_path)
    assert len(data) == 20
    assert "cat/huge.png (larger than 50,000 bytes)" in data.notes[0]


@pytest.mark.parametrize("name", ["folder", "paired-folder", "unpaired-folder"])
@pytest.mark.parametrize("path", ["", " ", '""', "' '"])
def test_an_empty_path_is_refused(name: str, path: str) -> None:
    with pytest.raises(gb.UsageError, match=f"'{name}': path is empty; write path=. for"):
        gb.get("dataset", f"{name}[path={path}]")


def test_a_path_that_an_escape_has_changed_is_told(tmp_path: Path) -> None:
    data = gb.get("dataset", r'folder[path="C:\new"]')
    with pytest.raises(
        gb.DataNotFoundError, match=r"'C:\\new'.* in double quotes begins an escape"
    ):
        data.load("train", tmp_path)


def test_an_image_of_absurd_size_is_skipped(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (16, 16)).save(pictures / "cat" / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    data = folder(pictures, test_fraction=0.0).load("train", pictures)
    assert len(data) == 20
    assert "cat/bomb.png" in data.notes[0]


def test_missing_empty_and_unreadable_folders_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(gb.DataNotFoundError, match="found no folder") as caught:
        folder("nowhere").load("train", tmp_path)
    assert str(tmp_path / "nowhere") in str(caught.value)
    assert str(Path.cwd() / "nowhere") in str(caught.value)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("")
    with pytest.raises(gb.DataNotFoundError, match="no images"):
        folder("empty").load("train", tmp_path)
    (tmp_path / "empty" / "a.png").write_text("")
    with pytest.raises(gb.DataNotFoundError, match=r"none of the 1 images .* a\.png"):
        folder("empty", test_fraction=0.0).load("train", tmp_path)
    with pytest.raises(gb.DataNotFoundError, match="in the test split"):
        folder("empty", test_fraction=0.0).load("test", tmp_path)
    with pytest.raises(gb.DataNotFoundError, match="neither a folder nor a tar or zip archive"):
        folder("empty/notes.txt").load("train", tmp_path)


def test_a_relative_path_means_the_data_folder_first(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(pictures.parent)
    assert folder("pictures").spec(tmp_path / "elsewhere").classes == 2
    (tmp_path / "elsewhere" / "pictures").mkdir()
    with pytest.raises(gb.DataNotFoundError, match="elsewhere"):
        folder("pictures").spec(tmp_path / "elsewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder("~/pictures").spec(tmp_path / "elsewhere").classes == 2


# --- archives


@pytest.mark.parametrize("name", ["pictures.tar", "pictures.tar.gz", "pictures.zip"])
def test_an_archive_is_read_like_the_folder_and_not_unpacked(
    name: str, pictures: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "archives" / name
    archive.parent.mkdir()
    if name.endswith(".zip"):
        with zipfile.ZipFile(archive, "w") as zipped:
            for file in sorted(pictures.rglob("*.png"), reverse=True):
                zipped.write(file, file.relative_to(pictures))
    else:
        with tarfile.open(archive, "w:gz" if name.endswith("gz") else "w") as tar:
            tar.add(pictures, arcname=".")
    from_folder = folder(pictures).load("train", tmp_path)
    from_archive = folder(archive).load("train", tmp_path)
    assert torch.equal(from_archive.images, from_folder.images)
    assert torch.equal(from_archive.labels, from_folder.labels)
    assert from_archive.class_names == ("cat", "dog")
    assert os.listdir(archive.parent) == [name]


def test_hidden_files_and_what_points_outside_an_archive_do_no_harm(tmp_path: Path) -> None:
    content = encoded(stripes(RED))
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("a/1.png", "b/2.png", "a/._1.png", "__MACOSX/a/1.png"):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    data = folder("a.tar", test_fraction=0.0).load("train", tmp_path)
    assert data.labels.tolist() == [0, 1]


def test_a_damaged_archive_is_a_sentence(pictures: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.add(pictures, arcname=".")
    whole = (tmp_path / "a.tar.gz").read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(gb.DataNotFoundError, match=r"the archive .*a\.tar\.gz cannot be read"):
        folder("a.tar.gz").load("train", tmp_path)


# --- the cache of decoded images


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every set of images is kept; a list that grows when images are decoded."""
    decodings: list[int] = []
    original = decoded_module.decode_all

    def counted(files: Any, *args: Any) -> Any:
        decodings.append(1)
        return original(files, *args)

    monkeypatch.setattr(decoded_module, "WORTH_KEEPING", 1)
    monkeypatch.setattr(decoded_module, "decode_all", counted)
    return decodings


def test_many_images_are_decoded_once(pictures: Path, kept: list[int]) -> None:
    (pictures / "cat" / "0.png").write_bytes(b"no image")
    first = folder(pictures).load("train", pictures)
    again = folder(pictures).load("train", pictures)
    assert len(kept) == 1
    assert torch.equal(first.images, again.images)
    assert first.notes == again.notes
    assert len(first.notes) == 1


def test_changed_added_and_removed_files_are_noticed(pictures: Path, kept: list[int]) -> None:
    data = folder(pictures, test_fraction=0.0)
    before = data.load("train", pictures)
    Image.new("RGB", (8, 8), RED).save(pictures / "cat" / "0.png")
    changed = data.load("train", pictures)
    assert colour_of(changed.images[0].numpy()) == RED
    assert torch.equal(changed.images[1:], before.images[1:])
    (pictures / "cat" / "0.png").unlink()
    assert len(data.load("train", pictures)) == 19
    assert len(kept) == 3
    assert len(list(decoded_module.cache_folder().iterdir())) == 1  # replaced, not piled up


def test_a_damaged_cache_is_made_anew(pictures: Path, kept: list[int]) -> None:
    first = folder(pictures).load("train", pictures)
    (file,) = decoded_module.cache_folder().glob("*/images.npy")
    file.write_bytes(file.read_bytes()[:-1])
    assert torch.equal(folder(pictures).load("train", pictures).images, first.images)
    assert len(kept) == 2


def test_a_cache_that_cannot_be_written_costs_only_time(
    pictures: Path, kept: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(folder(pictures, test_fraction=0.0).load("train", pictures)) == 20
    monkeypatch.setattr(decoded_module, "MEMORY_LIMIT", 0)
    with pytest.raises(gb.DataNotFoundError, match="cannot be cached in"):
        folder(pictures).load("train", pictures)


def test_what_exceeds_memory_is_read_from_disk_image_by_image(
    pictures: Path, kept: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (pictures / "cat" / "0.png").write_bytes(b"no image")
    data = folder(pictures, test_fraction=0.0)
    small = data.load("train", pictures)
    monkeypatch.setattr(decoded_module, "MEMORY_LIMIT", 0)
    large: Any = data.load("train", pictures)
    assert isinstance(large, torch.utils.data.Dataset)
    assert len(large) == len(small)
    assert large.notes == small.notes
    assert torch.equal(torch.stack([image for image, _ in large]), small.images)
    assert [label for _, label in large] == small.labels.tolist()
    assert data.spec(pictures) == small.spec
    shipped = pickle.dumps(large)  # as to the processes of a data loader
    assert len(shipped) < large[0][0].numel() * len(large)
    assert torch.equal(pickle.loads(shipped)[5][0], small.images[5])
