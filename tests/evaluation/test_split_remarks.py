"""Notes and refusals for splits that do not fit their use; each names the split."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import ganbench as gb
from ganbench import ImageData
from ganbench.cli.app import app
from ganbench.evaluation.split_remarks import remarks_on_splits


def split(*labels, names=()):
    images = torch.zeros(len(labels), 1, 2, 2, dtype=torch.uint8)
    return ImageData(images, torch.tensor(labels), names)


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        (split(0, 1, 1), split(0, 1), []),
        (split(0, 0, names=("cat", "dog")), None, ["train split: it has no images of class dog"]),
        (split(0, 1, 1), split(1, 1), ["test split: it has no images of class 0"]),
        (
            split(0, 1),
            split(0, 1, 2),
            ["test split: it has images of class 2, but the data set has 2"],
        ),
        (
            split(0, 1),
            ImageData(torch.zeros(3, 1, 2, 2)),
            ["test split: its images have no classes"],
        ),
        (
            split(0, 1, names=("cat", "dog")),
            split(0, 1, names=("dog", "elk")),
            ["test split: its classes are dog, elk, but those of the train split are cat, dog"],
        ),
        (split(0, 0), split(0), ["test split: it has one image"]),
    ],
)
def test_a_remark_names_the_split_and_the_classes(train, test, said):
    splits = {"train": train} if test is None else {"train": train, "test": test}
    found = list(remarks_on_splits(splits, train.spec.classes))
    assert len(found) == len(said)
    assert all(one.startswith(start) for one, start in zip(found, said, strict=True))


def pictures(folder, count):
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def plan(data, *more):
    options = ["--budget", "2steps", "--set", "evaluation.extractor=pixels"]
    options += ["--set", "training.batch_size=4", "--set", "evaluation.samples=8", "--dry-run"]
    return CliRunner().invoke(app, ["run", "-d", data, *more, *options])


MLP = ("-a", "mlp[d_widths=[8],g_widths=[8]]", "-l", "hinge")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_the_plan_notes_classes_that_only_one_split_has(tmp_path):
    for place in ("train/a", "train/b", "test/a", "test/c"):
        pictures(tmp_path / "photos" / place, 4)
    found = plan("folder[path=photos,size=8]", *MLP)
    assert found.exit_code == 0, found.output
    said = " ".join(found.output.split())
    assert "folder[path=photos,size=8], pixels: train split: it has no images of class c" in said
    assert "test split: it has no images of class b, which the train split has" in said


def test_the_plan_notes_a_test_split_of_one_image_and_measures_nothing_against_it(tmp_path):
    pictures(tmp_path / "photos/train", 8)
    pictures(tmp_path / "photos/test", 1)
    found = plan("folder[path=photos,size=8]", *MLP)
    assert found.exit_code == 0, found.output
    assert "test split: it has one image; nothing can be measured against it" in found.output


def test_the_plan_refuses_a_test_split_of_one_image_to_translate(tmp_path):
    for name, count in (("trainA", 4), ("trainB", 4), ("testA", 1), ("testB", 4)):
        pictures(tmp_path / "two" / name, count)
    found = plan("unpaired-folder[path=two,size=8]", "-a", "cyclegan[layers=1]", "-l", "lsgan")
    assert found.exit_code == 2, found.output
    assert (
        "unpaired-folder[path=two,size=8]: the test split has one image to translate"
        in found.output
    )


def test_images_beside_class_folders_are_named(tmp_path):
    pictures(tmp_path / "photos/a", 3)
    pictures(tmp_path / "photos/b", 3)
    Image.new("RGB", (8, 8)).save(tmp_path / "photos/loose.png")
    data = gb.get("dataset", "folder[path=photos,size=8,test_fraction=0]").load("train", tmp_path)
    assert data.labels is None
    assert data.notes[0].startswith(
        "1 of 7 images are in no class folder, so the data has no classes"
    )
