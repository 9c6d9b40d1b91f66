"""A trial whose samples are no result says so beside its verdict, wherever a person looks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import nn

import ganbench as gb
from ganbench.base.pixels import to_float
from ganbench.cli.app import app
from ganbench.evaluation.feature_quality import weakness


class _Planted(nn.Module):
    """Makes what its author planted, whatever it is trained to."""

    def __init__(self, images: torch.Tensor, noisy: bool) -> None:
        super().__init__()
        self.register_buffer("images", images)
        self.noisy, self.unused = noisy, nn.Parameter(torch.zeros(1))

    def forward(self, latents, labels=None):
        places = (latents[:, 0].abs() * 1e4).long() % len(self.images)
        made = latents[:, :64].tanh().reshape(-1, 1, 8, 8) if self.noisy else self.images[places]
        return made + 0 * self.unused


class PlantedGan(gb.Architecture):
    """A generator of noise, of one image, or of copies of a split."""

    what: str = gb.option("noise", "noise, constant, or a split to copy")
    latent_dim: int = 64

    def build(self, data):
        split = self.what if self.what in ("train", "test") else "train"
        images = to_float(gb.get("dataset", "digits").load(split, Path()).images)
        images = images[:1] if self.what == "constant" else images
        critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
        return gb.Networks(_Planted(images, self.what == "noise"), critic)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    kinds = ("noise", "constant", "train", "test")
    grid = {
        "grid": {
            "architecture": [PlantedGan(what=what) for what in kinds],
            "loss": ["hinge"],
            "dataset": ["digits"],
        },
        "budget": {"steps": 2},
        "training": {"batch_size": 16, "ema_images": 0},
        "evaluation": {"ticks": 1, "samples": 256, "metrics": ["fd", "prdc"]},
    }
    folder = tmp_path_factory.mktemp("planted") / "run"
    return gb.run(grid, folder, executor="inline")


def test_rows_name_what_is_no_result(planted):
    rows = planted.results.set_index("architecture")["samples_note"]
    notes = {name.partition("what=")[2].rstrip("]") or "noise": note for name, note in rows.items()}
    for what, word in (("noise", "noise"), ("constant", "constant"), ("train", "copies")):
        assert notes[what].startswith(f"{word}: ")
    assert notes["test"] is gb.load_results(planted.folder)["samples_note"].dtype.na_value
    assert planted.results["verdict"].isin(["never-learned", "stable"]).all()  # as it was


def test_tables_status_and_report_show_the_note_with_the_verdict(planted):
    shown = CliRunner().invoke(app, ["results", str(planted.folder)], env={"COLUMNS": "200"})
    assert "(copies)" in shown.output
    assert "No result, whatever the numbers" in " ".join(shown.output.split())
    by_cell = CliRunner().invoke(app, ["results", str(planted.folder), "--by-cell"])
    assert "(noise) 1/1" in " ".join(by_cell.output.split())
    status = CliRunner().invoke(app, ["status", str(planted.folder)])
    assert "copies of training images" in status.output
    page = gb.report(planted.folder).read_text(encoding="utf-8")
    assert "No result, whatever the numbers" in page


def _network(accuracy, majority):
    info = {"test_accuracy": accuracy, "majority_rate": majority}
    return gb.FeatureNetwork("net@1", lambda images: gb.Features(images), info=info)


@pytest.mark.parametrize(
    ("accuracy", "majority", "weak"),
    [
        (0.64, 0.5, True),
        (0.5, 0.5, True),
        (0.97, 0.1, False),
        (0.62, 0.1, False),
        (0.96, 0.9, False),
    ],
)
def test_features_are_compared_with_the_most_frequent_class(accuracy, majority, weak):
    found = weakness(_network(accuracy, majority))
    assert (found is not None) == weak
    if found is not None:
        assert f"{majority:.0%}" in found


def test_features_without_an_accuracy_are_not_judged():
    assert weakness(gb.FeatureNetwork("net@1", lambda images: gb.Features(images))) is None
