"""The parts of a measurement by themselves: files, batches and arrays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganbench as gb
from ganbench.base import images as images_module
from ganbench.base.image_files import open_images
from ganbench.evaluation import npz
from ganbench.evaluation.background import in_background
from ganbench.evaluation.image_index import index_images
from ganbench.evaluation.npz import NpzSource
from ganbench.evaluation.sources import grouped, in_channels
from ganbench.evaluation.statistics_files import read_statistics


def test_work_in_the_background_keeps_its_order_and_runs_little_ahead():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = in_background(lambda x: (x * x, threading.current_thread().name), items(), 12, 4)
    first = next(results)
    assert len(taken) <= 12
    rest = [first, *results]
    assert [value for value, _ in rest] == [x * x for x in range(100)]
    assert all(name.startswith("images") for _, name in rest)


def test_an_error_in_the_background_reaches_who_waits():
    with pytest.raises(ZeroDivisionError):
        list(in_background(lambda x: 1 / x, [1, 0, 2], 3))


def test_images_wait_in_groups_of_one_size_until_a_batch_is_full_or_memory_is():
    sizes = [4, 6, 4, 4, 6, 8, 4]
    images = [(i, np.full((3, size, size), i, np.uint8)) for i, size in enumerate(sizes)]
    batches = list(grouped(images, 3, 10_000))
    assert [b.positions.tolist() for b in batches] == [[0, 2, 3], [1, 4], [5], [6]]
    assert all((b.images[:, 0, 0, 0].numpy() == b.positions).all() for b in batches)
    batches = list(grouped(images, 3, 150))  # the largest group has to go
    assert sorted(p for b in batches for p in b.positions.tolist()) == list(range(7))
    assert len(batches) > 4


def test_grey_is_that_of_pillow():
    colours = np.random.RandomState(0).randint(0, 256, (1, 3, 64, 64), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(colours[0].transpose(1, 2, 0)).convert("L"))
    assert (in_channels(torch.from_numpy(colours), 1)[0, 0].numpy() == expected).all()


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
def test_a_file_too_large_for_an_image_is_not_read(form, tmp_path, monkeypatch):
    monkeypatch.setattr(images_module, "MOST_BYTES", 5000)
    folder = tmp_path / "images"
    folder.mkdir()
    Image.new("RGB", (4, 4)).save(folder / "a.png")
    (folder / "b.png").write_bytes(bytes(5001))
    place = folder if form == "folder" else shutil.make_archive(str(folder), form, folder)
    found = index_images(open_images(Path(place)), tmp_path / "cache", lambda count: None)
    assert list(found.broken) == [1]
    assert "larger than" in found.broken[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"samples": 1}, "samples must be a whole number from 2"),
        ({"samples": 2.5}, "samples must be a whole number from 2"),
        ({"seed": -1}, "seed must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"fake": None}, "must be a path or uint8 images, not NoneType"),
        ({"metrics": "fd,kit"}, "unknown metric 'kit'"),
    ],
)
def test_arguments_of_a_wrong_kind_are_refused(arguments, message):
    images = np.zeros((4, 3, 4, 4), np.uint8)
    given = {"fake": images, "real": images, "extractor": "pixels", "metrics": "fd"} | arguments
    with pytest.raises(gb.UsageError, match=message):
        gb.evaluate(**given)


def test_what_was_seen_of_files_is_remembered_until_they_change(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        path = folder / f"{number}.png"
        Image.new("RGB", (4, 6), (number, 0, 0)).save(path)
        os.utime(path, (1, 1))
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_text("no image")
    files = open_images(folder)
    assert files.names == ("0.png", "1.png", "2.png")
    first = index_images(files, tmp_path, lambda count: None)
    assert first.sizes == {(6, 4): 3}
    assert first.broken == {}
    assert index_images(files, tmp_path, lambda count: None) == first
    os.rename(folder / "2.png", folder / "3.png")  # the same bytes in the same order
    assert index_images(open_images(folder), tmp_path, lambda count: None).content == first.content
    Image.new("RGB", (4, 6), (9, 0, 0)).save(folder / "0.png")
    other = index_images(open_images(folder), tmp_path, lambda count: None)
    assert other.content != first.content


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"foo": np.zeros(3, np.uint8)}, r"has no array arr_0 .*it has foo uint8 \(3,\)"),
        ({}, "it has nothing"),
        ({"arr_0": np.zeros((5, 3, 8, 3), np.uint8)}, "either axis may be the channels"),
        ({"arr_0": np.zeros((5, 8, 8, 8), np.uint8)}, "no axis may be the channels;"),
        ({"arr_0": np.zeros((5, 40, 40, 17), np.uint8)}, "no axis may be the channels;"),
        ({"arr_0": np.zeros((0, 8, 8, 3), np.uint8)}, "is empty"),
        ({"arr_0": np.zeros((5, 0, 8, 3), np.uint8)}, "is empty"),
        ({"arr_0": np.zeros((8, 9, 3), np.uint8)}, r"one image \(height.*as \(1, 8, 9, 3\)"),
        ({"arr_0": np.zeros((8, 9, 4))}, r"one image \(height, width, channels\)"),
        ({"arr_0": np.zeros((3, 8, 9), np.uint8)}, r"one image \(channels.*\(3, 8, 9, 1\)"),
        ({"arr_0": np.zeros((8, 9), np.uint8)}, r"it has arr_0 uint8 \(8, 9\)"),
        ({"arr_0": np.uint8(3)}, r"it has arr_0 uint8 \(\)"),
        (
            {"a": np.zeros((5, 8, 8)), "b": np.zeros((5, 8, 8))},
            "2 arrays .* rename one of them to arr_0",
        ),
        ({"arr_0": np.asfortranarray(np.zeros((5, 8, 8, 3), np.uint8))}, "in Fortran order"),
        ({"arr_0": np.array([object()])}, "arr_0 object"),
    ],
)
def test_arrays_that_are_no_images_are_refused(arrays, message, tmp_path):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(gb.UsageError, match=message):
        NpzSource("x.npz", tmp_path / "x.npz")


_SHADES = np.linspace(0, 255, 5 * 6 * 7 * 3).round().astype(np.uint8).reshape(5, 6, 7, 3)


@pytest.mark.parametrize(
    "stored",
    [
        (_SHADES / 255).astype(np.float32),
        (_SHADES / 255).astype(np.float16),
        _SHADES / 127.5 - 1,
        (_SHADES / 127.5 - 1) * 1.0001,
        _SHADES.astype(">f4"),
        _SHADES.astype(np.int64),
        _SHADES.astype(np.uint16),
        _SHADES.astype(np.uint16) * 257,
        _SHADES.astype(np.int32) * 257,
    ],
    ids=lambda array: f"{array.dtype.str[1:]} to {array.max():.6g}",
)
def test_the_advice_on_other_types_gives_the_right_images(stored, tmp_path):
    np.savez(tmp_path / "x.npz", stored)
    with pytest.raises(gb.UsageError, match="images must be uint8") as caught:
        NpzSource("x.npz", tmp_path / "x.npz")
    formula = str(caught.value).partition("convert them with ")[2]
    converted = eval(formula, {"x": stored})  # what a person would run
    assert converted.dtype == np.uint8
    assert np.abs(converted.astype(int) - _SHADES).max() <= 1
    with pytest.raises(gb.UsageError) as caught:  # the same from memory
        gb.evaluate(fake=stored.astype(stored.dtype.newbyteorder("=")), metrics="is")
    assert str(caught.value).endswith(formula)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (_SHADES > 100, r"convert them with \(255.0 \* x\)"),
        (np.where(_SHADES > 100, np.nan, 0.5), "it holds NaN or infinite values"),
        (np.full((5, 6, 7, 3), -np.inf), "it holds NaN or infinite values"),
        (_SHADES.astype(np.int64) * 1000, "go from 0 to 255000; bring them to the range from 0"),
        (_SHADES / 50.0 - 2, r"go from -2 to 3.1; bring them to the range"),
        (_SHADES.astype(np.complex64), "it cannot become images"),
    ],
)
def test_values_that_are_none_of_the_usual_ranges_are_told(stored, message, tmp_path):
    np.savez(tmp_path / "x.npz", stored)
    with pytest.raises(gb.UsageError, match=message):
        NpzSource("x.npz", tmp_path / "x.npz")


def test_of_a_large_array_the_first_values_tell_the_range(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "_LOOKED_AT", 2 * 1000)
    monkeypatch.setattr(npz, "_PIECE", 1000)
    stored = np.zeros((100, 8, 8, 3), np.float32)
    stored[50:] = 9
    np.savez(tmp_path / "x.npz", stored)
    with pytest.raises(gb.UsageError, match="its first values go from 0 to 0"):
        NpzSource("x.npz", tmp_path / "x.npz")


def test_grey_images_need_no_axis_for_channels(tmp_path):
    images = np.random.RandomState(0).randint(0, 256, (7, 5, 6), dtype=np.uint8)
    np.savez_compressed(tmp_path / "x.npz", images)
    source = NpzSource("x.npz", tmp_path / "x.npz")
    assert (source.count, source.channels, source.sizes) == (7, 1, {(5, 6): 7})
    batches = list(source.batches(np.array([1, 4, 6]), 3, 2))
    assert [batch.positions.tolist() for batch in batches] == [[1, 4], [6]]
    found = torch.cat([batch.images for batch in batches])
    assert (found.numpy() == images[[1, 4, 6], None]).all()


def test_a_damaged_file_is_refused_when_it_shows(tmp_path):
    path = tmp_path / "x.npz"
    path.write_text("no archive")
    with pytest.raises(gb.UsageError, match=r"cannot be read as \.npz"):
        NpzSource("x.npz", path)
    np.savez(path, np.zeros((200, 8, 8, 3), np.uint8))
    content = bytearray(path.read_bytes())
    content[30_000] ^= 1
    path.write_bytes(content)
    with pytest.raises(gb.UsageError, match="is damaged"):
        list(NpzSource("x.npz", path).batches(np.arange(200), 3, 4))


@pytest.mark.parametrize(
    ("mu", "sigma", "message"),
    [
        (np.zeros(2), -np.eye(2), "negative variances"),
        (np.zeros(3), np.eye(4), "must be a mean"),
        (np.zeros((3, 1)), np.eye(3), "must be a mean"),
        (np.full(3, np.nan), np.eye(3), "is not finite"),
        (np.zeros(3), np.triu(np.ones((3, 3))), "is not symmetric"),
    ],
)
def test_statistics_that_are_none_are_refused(mu, sigma, message, tmp_path):
    np.savez(tmp_path / "s.npz", mu=mu, sigma=sigma)
    with pytest.raises(gb.UsageError, match=message):
        read_statistics(tmp_path / "s.npz")


_MEASURED = """
import resource, sys
import numpy as np
import ganbench as gb
from ganbench.evaluation import features, real_features
features.POOL = real_features.POOL = 4000
gb.evaluate(real=sys.argv[1], fake=sys.argv[2], extractor="pixels",
            metrics=["fd", "kid", "prdc"], settings={"prdc_samples": 1000, "kid_subset_size": 200})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_memory_does_not_grow_with_the_number_of_images_beyond_those_that_are_held(tmp_path):
    """Ten times the images: 45,000 more, with 3 KB of features each, of which 4,000 are held."""
    peaks = []
    for count in (5_000, 50_000):
        path = tmp_path / f"{count}.npz"
        random = np.random.RandomState(count)
        np.savez(path, random.randint(0, 256, (count, 16, 16, 3), dtype=np.uint8))
        done = subprocess.run(
            [sys.executable, "-c", _MEASURED, path, path],
            env=os.environ | {"GANBENCH_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"},
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] - peaks[0] < 66  # MiB; the features of one side alone are 132
