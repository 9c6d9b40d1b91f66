"""Trials that translate images: their rows, pictures and samples."""

from __future__ import annotations

import math

import pytest
from click.testing import CliRunner
from PIL import Image

import ganbench as gb
from ganbench.cli.app import app

PIX2PIX = "pix2pix[width=4,layers=1]"
CYCLEGAN = "cyclegan[width=4,layers=1,blocks=1]"
PAIRS, TWO_SETS = "edges[of=digits]", "two-classes[a=0,b=1,of=digits]"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of both architectures on both kinds of data, one cell of which cannot work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        grid = {
            "grid": {
                "architecture": [PIX2PIX, CYCLEGAN],
                "loss": ["lsgan"],
                "dataset": [PAIRS, TWO_SETS],
            },
            "budget": {"steps": 3},
            "training": {"batch_size": 4},
            "evaluation": {"extractor": "pixels", "samples": 50, "ticks": 1},
        }
        return gb.run(grid, out=tmp_path_factory.mktemp("runs") / "out", executor="inline")


def row_of(finished, architecture, dataset):
    rows = finished.results
    (row,) = rows[(rows["architecture"] == architecture) & (rows["dataset"] == dataset)].to_dict(
        "records"
    )
    return row


def test_pairs_are_scored_against_the_images_that_belong_to_them(finished):
    for name in ("pix2pix", "cyclegan"):
        row = row_of(finished, _spec(finished, name), PAIRS)
        assert row["status"] == "ok"
        assert 0 < row["l1"] < 1
        assert 0 < row["psnr"] < 60
        assert -1 < row["ssim"] < 1
        assert row["extractor"].startswith("pixels:50/")
    history = gb.load_history(finished.folder)
    assert {"l1", "psnr", "ssim"} <= set(history.columns)


def test_without_pairs_there_is_the_distance_to_the_target_domain_alone(finished):
    row = row_of(finished, _spec(finished, "cyclegan"), TWO_SETS)
    assert (row["status"], row["task"]) == ("ok", "unpaired-translation")
    assert math.isfinite(row["fd"])
    assert row["extractor"].startswith("pixels:36/146:")  # the zeros that are held out, all ones
    assert row["l1"] is None or math.isnan(row["l1"])


def test_pairs_cannot_be_learned_from_two_sets(finished):
    row = row_of(finished, _spec(finished, "pix2pix"), TWO_SETS)
    assert row["status"] == "skipped"
    assert "learns from pairs and the data is unpaired" in row["error"]


def test_pictures_show_source_translation_and_target_side_by_side(finished):
    for name, dataset, images in (("pix2pix", PAIRS, 3), ("cyclegan", TWO_SETS, 2)):
        trial = row_of(finished, _spec(finished, name), dataset)["trial"]
        with Image.open(finished.folder / "trials" / trial / "samples.png") as picture:
            assert picture.mode == "RGB"
            assert (picture.width - 4) % (images * 64 + 4) == 0


def test_samples_of_a_translating_trial_are_translations(finished, tmp_path):
    trial = row_of(finished, _spec(finished, "pix2pix"), PAIRS)["trial"]
    out = tmp_path / "more.png"
    command = ["sample", str(finished.folder), trial, "-n", "6", "-o", str(out)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("6 samples")
    with Image.open(out) as picture:
        assert picture.width == 1 * (3 * 64 + 4) + 4
    refused = CliRunner().invoke(app, [*command, "--truncation", "0.5"])
    assert refused.exit_code == 2
    assert "needs an architecture that starts from latents" in refused.output


@pytest.mark.parametrize(
    ("architecture", "dataset", "augmentation", "words"),
    [
        (PIX2PIX, "digits", "none", "has no images to translate from"),
        (CYCLEGAN, "digits", "none", "has no images to translate from"),
        ("dcgan", PAIRS, "none", "makes images from latents and the data is for translation"),
        (PIX2PIX, PAIRS, "diffaugment", "away from the sources"),
    ],
)
def test_what_does_not_go_together_is_skipped_with_a_way_out(
    architecture, dataset, augmentation, words, tmp_path
):
    axes = {"architecture": architecture, "loss": "lsgan", "dataset": dataset}
    grid = {"grid": axes | {"augmentation": augmentation}, "evaluation": {"extractor": "pixels"}}
    (row,) = gb.run(grid, out=tmp_path / "out", executor="inline").results.to_dict("records")
    assert row["status"] == "skipped"
    assert words in row["error"]
    assert "way out:" in row["error"]


def _spec(finished, name):
    specs = [s for s in finished.results["architecture"].unique() if s.startswith(name)]
    assert len(specs) == 1
    return specs[0]
