"""Recipes: shipped grids with the settings of a published result."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

import ganbench as gb
from ganbench.base.errors import UsageError
from ganbench.grid.grid import Grid, shipped_grids
from ganbench.grid.plan import expand

RECIPES = [name for name in shipped_grids() if Grid.named(name).about.get("kind") == "recipe"]
CIFAR10 = [name for name in RECIPES if name.endswith("-cifar10")]
FOLDERS = {
    "pix2pix-facades": ("facades/train", "facades/test"),
    "cyclegan-horse2zebra": tuple(
        f"horse2zebra/{split}{domain}" for split in ("train", "test") for domain in "AB"
    ),
}
HALF_DECAY = {"lr_decay": "linear", "lr_decay_from": 0.5}
MIMICRY = {"batch_size": 64, "d_steps": 5, "lr": 2e-4, "betas": (0.0, 0.9), "lr_decay": "linear"}
STUDIOGAN = {"batch_size": 64, "d_steps": 5, "lr": 2e-4, "betas": (0.5, 0.999), "flip": True}
JUNYANZ = {"batch_size": 1, "lr": 2e-4, "betas": (0.5, 0.999), "jitter": 286 - 256, "flip": True}


@pytest.fixture
def cell(tmp_path):
    """The cell of a recipe, beside stand-ins for the data that has to be there."""

    def expanded(name):
        for folder in FOLDERS.get(name, ()):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (16, 8)).save(tmp_path / folder / "1.png")
        (only,) = expand(Grid.named(name), tmp_path).cells
        return only

    return expanded


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def build(cell):
    return cell.architecture.component.build(cell.data)


def test_there_is_a_recipe_for_each_landmark():
    assert set(RECIPES) == {
        "biggan-cifar10",
        "cyclegan-horse2zebra",
        "dcgan-cifar10",
        "pix2pix-facades",
        "r3gan-cifar10",
        "sagan-cifar10",
        "sngan-cifar10",
        "stylegan2-ada-cifar10",
        "wgan-gp-cifar10",
    }


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_can_be_run(cell, name):
    assert cell(name).reason is None


@pytest.mark.parametrize("name", RECIPES)
def test_no_component_decides_a_setting_of_a_recipe(cell, name):
    """Else a recipe would change when a component recommends something else."""
    resolved = cell(name).training.sources
    assert set(resolved.values()) <= {"grid", "default"}
    for setting in ("d_steps", "g_lr", "d_betas", "lr_decay", "ema_images", "flip"):
        assert resolved[setting] == "grid", setting


@pytest.mark.parametrize("name", RECIPES)
def test_every_figure_has_its_source_and_protocol(name):
    about = Grid.named(name).about
    first, *_ = about["published"]
    assert first["metric"] == "fid"
    for figure in about["published"]:
        assert set(figure) - {"spread"} == {"metric", "value", "protocol", "source"}
        assert figure["metric"] in ("fid", "is", "kid")
        assert figure["value"] > figure.get("spread", 0.0) >= 0
        assert figure["protocol"]
        assert figure["source"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_where_it_comes_from_and_in_what_it_differs(name):
    about = Grid.named(name).about
    assert "arXiv:" in about["paper"]
    assert about["settings"]
    assert about["differences"]
    assert all(text[0].isupper() and text.endswith(".") for text in about["differences"])
    assert len(set(about["differences"])) == len(about["differences"])


@pytest.mark.parametrize("name", CIFAR10)
def test_images_are_compared_with_the_whole_training_split(cell, name):
    found = cell(name)
    evaluation = found.evaluation
    assert (evaluation.samples, evaluation.reference_samples) == (50_000, 50_000)
    assert evaluation.reference_split == "train"
    assert found.extractors[0].info.name == "inception-v3-compat"


@pytest.mark.parametrize(
    ("name", "steps", "settings"),
    [
        ("dcgan-cifar10", 200_000, STUDIOGAN | {"d_steps": 2, "ema_images": 0}),
        ("wgan-gp-cifar10", 100_000, MIMICRY | {"ema_images": 0, "flip": False}),
        ("sngan-cifar10", 100_000, MIMICRY | {"ema_images": 0, "flip": False}),
        ("sagan-cifar10", 100_000, STUDIOGAN | {"ema_images": 0, "lr_decay": "none"}),
        ("biggan-cifar10", 100_000, STUDIOGAN | {"ema_start_images": 1000 * 5 * 64}),
        ("stylegan2-ada-cifar10", 100_000_000 // 64, {"batch_size": 64, "ema_images": 500_000}),
        ("r3gan-cifar10", 250_000_000 // 512, {"batch_size": 512, "lr": 2e-4, "flip": True}),
        ("pix2pix-facades", 200 * 400, JUNYANZ | HALF_DECAY),
        ("cyclegan-horse2zebra", 200 * 1334, JUNYANZ | HALF_DECAY),
    ],
)
def test_settings_and_budget_are_those_of_the_source(cell, name, steps, settings):
    found = cell(name)
    trained, budget = found.training.settings, found.budget
    for setting, value in settings.items():
        names = ("g_" + setting, "d_" + setting) if setting in ("lr", "betas") else (setting,)
        assert [getattr(trained, each) for each in names] == [value] * len(names)
    assert budget.unit == "images"
    assert budget.amount // (trained.batch_size * trained.d_steps) == steps


@pytest.mark.parametrize(
    ("name", "generator", "discriminator"),
    [
        ("dcgan-cifar10", 3_677_952, 2_637_312),
        ("wgan-gp-cifar10", 4_276_739, 1_053_825),
        ("sngan-cifar10", 4_276_739, 1_053_825),
        ("sagan-cifar10", 4_386_308, 1_075_586),
        ("biggan-cifar10", 9_416_196, 2_415_170),
        ("stylegan2-ada-cifar10", 20_215_315, 23_089_664),
        ("r3gan-cifar10", 20_781_952, 21_280_512),
        ("pix2pix-facades", 54_413_955, 2_768_705),
        ("cyclegan-horse2zebra", 2 * 11_378_179, 2 * 2_764_737),
    ],
)
def test_networks_have_as_many_parameters_as_the_sources(cell, name, generator, discriminator):
    """Those of dcgan differ, as its recipe says."""
    networks = build(cell(name))
    assert (parameters(networks.generator), parameters(networks.discriminator)) == (
        generator,
        discriminator,
    )


@pytest.mark.parametrize("name", CIFAR10)
def test_skips_are_rectified_where_the_sources_blocks_begin_with_a_relu_in_place(cell, name):
    """In all residual discriminators of Mimicry and PyTorch-StudioGAN."""
    architecture = cell(name).architecture.component
    settings = Grid.named(name).about["settings"]
    if hasattr(architecture, "d_skip"):
        assert settings.startswith(("Mimicry", "PyTorch-StudioGAN"))
        assert architecture.d_skip == "rectified"


def test_the_critic_of_wgan_gp_has_no_normalization(cell):
    critic = build(cell("wgan-gp-cifar10")).discriminator
    norms = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
    assert not [module for module in critic.modules() if isinstance(module, norms)]
    assert not any(nn.utils.parametrize.is_parametrized(module) for module in critic.modules())


def test_the_average_of_biggan_decays_by_a_ten_thousandth_in_each_step(cell):
    settings = cell("biggan-cifar10").training.settings
    assert settings.ema_rampup == 0
    assert 0.5 ** (5 * 64 / settings.ema_images) == pytest.approx(0.9999, abs=1e-9)


def test_stylegan2_makes_up_for_the_steps_that_its_source_spends_on_regularizers(cell):
    found = cell("stylegan2-ada-cifar10")
    settings = found.training.settings
    assert settings.g_lr == pytest.approx(2.5e-3 * 4 / 5)
    assert settings.g_betas == pytest.approx((0, 0.99 ** (4 / 5)))
    assert 16 * settings.d_lr == pytest.approx(17 * 2.5e-3 * 16 / 17)
    (r1,) = found.regularizers
    assert (r1.component.gamma, r1.component.every) == (0.01, 16)


def test_the_schedules_of_r3gan_end_after_twenty_million_images(cell):
    found = cell("r3gan-cifar10")
    settings, end = found.training.settings, 20e6 / found.budget.amount
    shares = [settings.lr_decay_to, *(part.component.anneal for part in found.regularizers)]
    shares += [part.component.anneal for part in found.augmentations]
    assert shares == pytest.approx([end] * 4)
    assert settings.g_lr * settings.lr_final == pytest.approx(5e-5)
    assert settings.ema_rampup * 20e6 == settings.ema_images == 5_000_000
    gammas = [(part.component.gamma, part.component.gamma_final) for part in found.regularizers]
    assert gammas == [(0.05, 0.005)] * 2
    assert settings.g_betas == settings.d_betas == (0.0, 0.9)
    assert (settings.beta2_final, found.augmentations[0].component.p_final) == (0.99, 0.55)


def test_the_terms_of_cyclegan_keep_their_proportions(cell):
    """The authors' generators minimize (D(G(x)) - 1)², ten times the cycle and five the identity."""
    found = cell("cyclegan-horse2zebra")
    architecture = found.architecture.component
    adversarial = float(found.loss.component.generator(None, torch.zeros(1)))
    assert architecture.cycle / adversarial == pytest.approx(10)
    assert architecture.identity * architecture.cycle / adversarial == pytest.approx(5)


@pytest.mark.parametrize("name", FOLDERS)
def test_missing_data_is_named_with_the_place_that_the_description_tells(tmp_path, name):
    grid = Grid.named(name)
    with pytest.raises(UsageError) as caught:
        expand(grid, tmp_path)
    folder = Path(FOLDERS[name][0])
    assert str(tmp_path / folder) in str(caught.value)
    assert f"{folder.parent}/ in the data folder" in grid.about["description"]
    assert folder.name in grid.about["description"]


def test_a_recipe_runs_with_other_parts_or_settings():
    grid = Grid.load("sngan-cifar10").with_axes({"loss": ["non-saturating"]})
    assert grid.with_settings({"lr": 1e-4}, {}).training["g_lr"] == 1e-4
    assert math.prod(len(specs) for specs in grid.axes.values()) == 1
    assert gb.Grid.from_dict(grid.as_dict()) == grid
