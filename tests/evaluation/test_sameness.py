"""Images that show nothing are noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ganbench as gb
from ganbench.evaluation.constant_images import ConstantImages, remark_on, remarks_on_split
from ganbench.evaluation.splits import Splits
from ganbench.testing import installed

NOISE = torch.randint(0, 256, (6, 3, 4, 4), dtype=torch.uint8, generator=torch.manual_seed(0))
SINGLE = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1).expand(6, 3, 4, 4)
EQUAL = NOISE[:1].expand(6, 3, 4, 4)


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        ([SINGLE[:2], SINGLE[2:]], "every one of the 6 images is of a single color"),
        ([EQUAL[:2], EQUAL[2:]], "all 6 images are equal to each other"),
        ([SINGLE[:1], SINGLE[:1]], "all 2 images are equal"),
        ([NOISE], ""),
        ([EQUAL, NOISE], ""),
        ([SINGLE, NOISE], ""),
        ([SINGLE, EQUAL], ""),
        ([NOISE[:1]], ""),
        ([EQUAL, EQUAL[..., :2]], ""),
        ([], ""),
        ([torch.zeros(1, 2, 1, 1)], ""),
        ([torch.zeros(2, 2, 1, 1)], "all 2 images are equal"),
        ([torch.arange(4.0).view(4, 1, 1, 1)], ""),
    ],
)
def test_the_remark(batches: list[torch.Tensor], words: str) -> None:
    found = remark_on(batches)
    assert found.startswith(words)
    assert bool(found) == bool(words)


def test_it_stops_to_look_at_the_second_image() -> None:
    seen = ConstantImages()
    seen.add(NOISE)
    assert seen.decided

    def batches():
        yield NOISE
        raise AssertionError("looked on")

    assert remark_on(batches()) == ""


def test_sources_of_translations_and_streamed_data_are_looked_at() -> None:
    pairs = gb.ImageData(NOISE, sources=SINGLE, paired=True)
    (remark,) = remarks_on_split("train", pairs)
    assert remark.startswith("train split (sources): every one of the 6")
    (remark,) = remarks_on_split("test", [(image, 0) for image in EQUAL])
    assert remark.startswith("test split: all 6 images are equal")


class Streamed(torch.utils.data.Dataset):
    """A data set that has something to say and does not fit in memory."""

    notes = ("skipped 3 files",)

    def __len__(self):
        return len(SINGLE)

    def __getitem__(self, index):
        return SINGLE[index], 0


class Plain(gb.Dataset):
    """Images of a single color."""

    def load(self, split, root):
        return Streamed() if split == "train" else gb.ImageData(NOISE, notes=("as expected",))

    def spec(self, root):
        return gb.DataSpec(3, 4, 4)


class Plugin:
    """A plugin with that data set."""

    @staticmethod
    @gb.hookimpl
    def ganbench_datasets(register):
        register("plain", Plain)


def test_what_is_loaded_for_a_run_is_remarked_on_beside_its_notes(tmp_path: Path) -> None:
    from ganbench.registry.lookup import default_registry

    with installed(Plugin):
        splits = Splits(tmp_path, torch.device("cpu"))
        bound = default_registry().bind("dataset", "plain")
        splits.data(bound, "train")
        splits.data(bound, "test")
        notes = splits.remarks()
    assert notes[0] == "skipped 3 files"
    assert notes[1].startswith("train split: every one of the 6 images is of a single color")
    assert notes[2:] == ["as expected"]


def test_a_split_of_one_image_is_refused_by_name(tmp_path: Path) -> None:
    class Lonely(Plain):
        def load(self, split: str, root: Path) -> gb.ImageData:
            return gb.ImageData(SINGLE[:1])

    class Lonelies:
        @staticmethod
        @gb.hookimpl
        def ganbench_datasets(register):
            register("lonely", Lonely)

    grid = {
        "grid": {"architecture": ["mlp"], "loss": ["hinge"], "dataset": ["lonely"]},
        "budget": {"steps": 1},
        "evaluation": {"extractor": "pixels"},
    }
    with installed(Lonelies), pytest.raises(gb.UsageError, match="lonely: the train split has one"):
        gb.run(grid, out=tmp_path / "run", device="cpu", executor="inline")
