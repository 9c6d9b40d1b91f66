"""``ganbench project`` and ``gb.project``: latents of given images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import ganbench as gb
from ganbench.cli.app import app

MLP = "mlp[latent_dim=3,g_widths=[16],d_widths=[8],g_norm=none]"
CONDITIONAL = "sngan[conditional=true,g_width=4,d_width=4]"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unconditional and a class-conditional trial of digits, and one of points."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        grid = {
            "grid": {
                "architecture": [MLP, CONDITIONAL],
                "loss": ["hinge"],
                "dataset": ["digits", "ring[n=64]"],
            },
            "budget": {"steps": 20},
            "evaluation": {"extractor": "pixels", "samples": 32, "ticks": 1},
        }
        out = tmp_path_factory.mktemp("runs") / "out"
        gb.run(grid, out=out, executor="inline")
    return out


def test_images_of_the_generator_itself_are_found_again(run: Path) -> None:
    wanted = gb.sample(run, "mlp,dataset=digits", 3, seed=5, device="cpu")
    found = gb.project(run, "mlp,dataset=digits", wanted, device="cpu", steps=300)
    assert max(found.distances) < 0.01
    assert all(end <= begun for begun, end in zip(found.begun, found.distances, strict=True))
    generator = gb.load_generator(run, "mlp,dataset=digits").generator
    with torch.no_grad():
        again = generator(found.latents)
    assert torch.equal(((again + 1) * 127.5).add(0.5).floor().clamp(0, 255).byte(), found.images)


def test_a_seed_decides_and_an_image_does_not_depend_on_the_others(run: Path) -> None:
    images = gb.get("dataset", "digits").load("test", Path()).images[:2]
    both = gb.project(run, "sngan,dataset=digits", images, device="cpu", steps=5, seed=1)
    second = gb.project(run, "sngan,dataset=digits", images[1:], device="cpu", steps=5, seed=1)
    assert torch.equal(both.latents[1:], second.latents)
    assert torch.equal(both.images[1:], second.images)
    assert both.labels is not None
    only = gb.project(run, "sngan,dataset=digits", images, device="cpu", steps=0, classes=[3])
    assert only.labels.tolist() == [3, 3]
    assert only.begun == only.distances


def test_the_command_writes_a_picture_a_table_and_latents(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    out, latents = tmp_path / "out.png", tmp_path / "z.npz"
    given = [
        "project",
        str(run),
        "sngan,dataset=digits",
        str(folder),
        "-o",
        str(out),
        "--device",
        "cpu",
    ]
    done = CliRunner().invoke(app, [*given, "--steps", "2", "--latents", str(latents), "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [Path(one["image"]).name for one in document["images"]] == ["0.png", "1.png", "2.png"]
    assert 0 < document["mean_distance"] < 1
    with np.load(latents) as file:
        assert file["latents"].shape == (3, 128)
        assert file["labels"].shape == (3,)
    with Image.open(out) as picture:
        assert picture.width > 2 * 64
    table = CliRunner().invoke(app, [*given, "--steps", "0"])
    assert "nearest random" in table.stdout
    assert "mean distance" in table.stdout


@pytest.mark.parametrize(
    ("trial", "image", "sentence"),
    [
        ("mlp,dataset=ring*", "a.png", "makes images from latents"),
        ("sngan,dataset=digits", "nothing.png", "this file or folder does not exist"),
        ("sngan,dataset=digits", "a.txt", "cannot be read as a picture"),
    ],
)
def test_what_cannot_be_projected_is_one_sentence(
    trial: str, image: str, sentence: str, run: Path, tmp_path: Path
) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("text")
    out = ["-o", str(tmp_path / "out.png"), "--device", "cpu"]
    done = CliRunner().invoke(app, ["project", str(run), trial, str(tmp_path / image), *out])
    assert done.exit_code == 2
    assert sentence in done.output
    assert not (tmp_path / "out.png").exists()
