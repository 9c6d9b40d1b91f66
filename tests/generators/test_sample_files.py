"""`ganbench sample`: what is drawn of a generator whose images tell their latents and their class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from made_trials import TINY, make_trial
from PIL import Image
from torch import nn

import ganbench as gb
from ganbench.base.pixels import to_uint8
from ganbench.cli.app import app
from ganbench.generators.trained import between, load_trained
from ganbench.store.run_folder import RunFolder
from ganbench.testing import installed

DATA = gb.DataSpec(1, 2, 2, classes=10)


class Telling(nn.Module):
    """A pixel for the label and three for the first latents, plus noise at the last if asked for."""

    def forward(self, latents, labels):
        pixels = torch.cat([labels[:, None] / 10, latents[:, :3] / 5], 1)
        pixels[:, 3] = torch.randn(len(latents)) / 5
        return pixels.reshape(-1, 1, 2, 2)


class Teller(gb.Architecture):
    task = "class-conditional"
    latent_dim = 6

    def build(self, data):
        return gb.Networks(Telling(), nn.Identity())


class Plugin:
    @gb.hookimpl
    def ganbench_architectures(self, register):
        register("teller", Teller)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with installed(Plugin()):
        make_trial("run", "teller", DATA)
        yield


def sample(*arguments, trial="run"):
    result = CliRunner().invoke(app, ["sample", trial, "made", *map(str, arguments)])
    assert "Traceback" not in result.output
    return result


def array(*arguments, trial="run"):
    """(n, h, w, c) bytes."""
    Path("a.npz").unlink(missing_ok=True)
    result = sample(*arguments, "-o", "a.npz", trial=trial)
    assert result.exit_code == 0, result.output
    with np.load("a.npz") as content:
        assert content.files == ["arr_0"]
        return content["arr_0"]


def classes(images):
    """The labels that the images tell."""
    return np.round((images[:, 0, 0, 0].astype(int) - 128) / 12.75).astype(int).tolist()


class TestFiles:
    def test_an_array_holds_the_bytes_of_an_evaluation(self):
        images = array("-n", 7)
        assert (images.dtype, images.shape) == (np.uint8, (7, 2, 2, 1))
        drawn = torch.cat(list(load_trained(RunFolder("run").find("made")).batches(7)))
        assert np.array_equal(images, to_uint8(drawn).permute(0, 2, 3, 1).numpy())

    @pytest.mark.parametrize("option", [["-o", "out/"], ["-o", "out.png", "--single"]])
    def test_single_images_are_the_same(self, option):
        result = sample("-n", 12, *option)
        folder = Path(option[1])
        assert result.stdout == f"12 samples of made-s0 are in {folder}\n"
        files = sorted(folder.iterdir())
        assert [file.name for file in files] == [f"{number:05}.png" for number in range(12)]
        images = array("-n", 12)
        for file, image in zip(files, images, strict=True):
            with Image.open(file) as picture:
                assert np.array_equal(np.asarray(picture), image[..., 0])

    def test_many_images_come_in_parts_that_fit_together(self):
        images = array("-n", 1203)
        assert classes(images) == [number % 10 for number in range(1203)]
        assert len(np.unique(images[:, 0, 1, 0])) > 50

    def test_an_empty_folder_is_filled_and_a_full_one_left_alone(self):
        Path("empty").mkdir()
        assert sample("-n", 2, "-o", "empty").exit_code == 0
        before = sorted(Path().rglob("*"))
        result = sample("-n", 3, "-o", "empty/")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            "Error: -o empty is not empty; name an empty folder or a new one\n"
        )
        assert sorted(Path().rglob("*")) == before

    def test_nothing_is_left_of_what_was_not_finished(self, monkeypatch):
        def fail(self, latents, labels):
            raise KeyboardInterrupt

        monkeypatch.setattr(Telling, "forward", fail)
        before = sorted(Path().rglob("*"))
        for out in ("out/", "a.npz", "a.png"):
            assert sample("-o", out).exit_code == 130
        assert sorted(Path().rglob("*")) == before

    def test_points_are_an_array(self):
        make_trial("points", *TINY["points"])
        points = array("-n", 5, trial="points")
        assert (points.dtype, points.shape) == (np.float32, (5, 2))
        result = sample("-o", "out/", trial="points")
        assert result.exit_code == 2
        assert "which image files cannot hold; write an .npz file" in result.stderr


class TestClasses:
    def test_they_come_in_turn(self):
        assert classes(array("-n", 5, "--classes", "3,7")) == [3, 7, 3, 7, 3]
        assert classes(array("-n", 5, "--classes", "8-9, 2")) == [8, 9, 2, 8, 9]

    def test_the_latents_are_those_of_all_classes(self):
        assert np.array_equal(array("-n", 4, "--classes", "5")[:, 0, 1], array("-n", 4)[:, 0, 1])

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("10", "trial made-s0 has no class 10: its classes are 0 to 9"),
            ("8-11", "trial made-s0 has no class 10: its classes are 0 to 9"),
            ("cat", "--classes cat: write classes as 3,7 or 0-9"),
            ("7-3", "--classes 7-3: write classes as 3,7 or 0-9"),
            ("", "--classes : write classes as 3,7 or 0-9"),
        ],
    )
    def test_wrong_ones(self, text, sentence):
        result = sample("--classes", text)
        assert (result.exit_code, result.stderr) == (2, f"Error: {sentence}\n")
        assert not Path("samples.png").exists()

    def test_a_generator_without_classes(self):
        make_trial("plain", *TINY["mlp"])
        result = sample("--classes", "1", trial="plain")
        assert result.exit_code == 2
        assert "is not class-conditional" in result.stderr


class TestInterpolation:
    def test_a_row_is_of_one_class_and_one_noise(self):
        images = array("--interpolate", 5, "-n", 3, "--classes", "4,6").reshape(3, 5, 2, 2)
        assert classes(images[:, 0, :, :, None]) == [4, 6, 4]
        assert (images[:, :, 0, 0] == images[:, :1, 0, 0]).all()
        assert (images[:, :, 1, 1] == images[:, :1, 1, 1]).all()
        assert len(np.unique(images[:, 0, 1, 1])) == 3

    @pytest.mark.parametrize(
        "case", [c for c, (_, data) in TINY.items() if not data.source_channels]
    )
    def test_designs_with_normal_latents_have_them_turned(self, case):
        """They all say that their latents are standard normal."""
        id = make_trial("turned", *TINY[case])
        trained = load_trained(RunFolder("turned").trial(id))
        seen = []
        trained.generator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        list(trained.interpolate(1, 5))
        path = torch.cat(seen[-5:]).double()
        lengths = torch.linspace(float(path[0].norm()), float(path[-1].norm()), 5).double()
        assert torch.allclose(path.norm(dim=1), lengths)

    def test_the_picture_has_a_row_for_each_pair(self):
        assert sample("--interpolate", 5, "-n", 3).exit_code == 0
        with Image.open("samples.png") as picture:
            assert picture.size == (5 * 68 + 4, 3 * 68 + 4)

    def test_latents_keep_about_their_lengths(self):
        start, end = torch.randn(2, 50, generator=torch.Generator().manual_seed(0))
        path = between(start, end, 7, spherical=True).double()
        assert torch.equal(path[[0, -1]], torch.stack([start, end]).double())
        lengths = torch.linspace(float(start.norm()), float(end.norm()), 7).double()
        assert torch.allclose(path.norm(dim=1), lengths)

    def test_they_turn_at_constant_speed(self):
        start, end = torch.eye(4)[:2] * torch.tensor([[3.0], [6.0]])
        path = between(start, end, 4, spherical=True)
        angles = torch.atan2(path[:, 1], path[:, 0])
        assert torch.allclose(path.norm(dim=1), torch.tensor([3.0, 4.0, 5.0, 6.0]))
        assert torch.allclose(angles, torch.linspace(0, torch.pi / 2, 4), atol=1e-6)

    def test_other_latents_go_straight_and_so_do_opposite_ones(self):
        start = torch.tensor([1.0, 0.0])
        assert torch.equal(between(start, -start, 3, spherical=True)[1], torch.zeros(2))
        half = between(start, torch.tensor([0.0, 1.0]), 3, spherical=False)[1]
        assert torch.equal(half, torch.tensor([0.5, 0.5]))

    def test_it_needs_latents(self):
        make_trial("cyclegan", *TINY["cyclegan"])
        for option in (["--interpolate", 4], ["--classes", "1"], ["--truncation", 1]):
            result = sample(*option, trial="cyclegan")
            assert result.exit_code == 2
            assert result.stderr == (
                f"Error: {option[0]} needs an architecture that starts from latents\n"
            )
