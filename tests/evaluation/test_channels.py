"""What is seen of images with other channels than gray or color ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganbench as gb
from ganbench.base.channels import in_view
from ganbench.components.extractor import ExtractorContext, FeatureNetwork, Features
from ganbench.evaluation.pictures import save_samples
from ganbench.evaluation.sources import in_channels
from ganbench_extractors.color import seen_in_color


def image(*values: int) -> torch.Tensor:
    """One image of 1x1 pixel."""
    return torch.tensor(values, dtype=torch.uint8)[None, :, None, None]


def test_the_rule_for_each_number_of_channels() -> None:
    assert in_view(image(7)).flatten().tolist() == [7]
    assert in_view(image(7, 9)).flatten().tolist() == [7]
    assert in_view(image(1, 2, 3)).flatten().tolist() == [1, 2, 3]
    assert in_view(image(*range(16))).flatten().tolist() == [0, 1, 2]
    assert in_view(image(10, 20, 30, 255), alpha=True).flatten().tolist() == [10, 20, 30]
    assert in_view(image(10, 20, 30, 0), alpha=True).flatten().tolist() == [255, 255, 255]
    assert in_view(image(0, 128), alpha=True, ground=100).flatten().tolist() == [50]
    assert in_channels(image(10, 20, 30, 0), 1, alpha=True).flatten().tolist() == [255]


def test_sample_grids_show_opacity_over_a_checkerboard_and_say_so(tmp_path: Path) -> None:
    clear = torch.full((4, 4, 16, 16), -1.0)
    save_samples(tmp_path / "a.png", clear, gb.DataSpec(4, 16, 16, alpha=True))
    with Image.open(tmp_path / "a.png") as picture:
        assert "checkerboard" in picture.text["shows"]
        assert {204, 255} <= set(np.unique(np.asarray(picture)))
    save_samples(tmp_path / "b.png", torch.zeros(4, 13, 16, 16), gb.DataSpec(13, 16, 16))
    with Image.open(tmp_path / "b.png") as picture:
        assert picture.mode == "RGB"
        assert "first 3 of 13" in picture.text["shows"]


def test_a_trial_of_five_channels_ends_in_a_report_that_says_what_its_pictures_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    images = np.random.default_rng(0).integers(0, 256, (40, 6, 9, 5), dtype=np.uint8)
    np.savez(tmp_path / "five.npz", arr_0=images)
    dataset = f"folder[path={tmp_path}/five.npz,channels=5,height=6,width=9]"
    grid = {
        "grid": {
            "architecture": ["mlp[g_widths=[8],d_widths=[8]]"],
            "loss": ["hinge"],
            "dataset": [dataset],
        },
        "budget": {"steps": 2},
        "evaluation": {"extractor": "pixels", "samples": 30, "ticks": 1},
    }
    result = gb.run(grid, out=tmp_path / "out", executor="inline")
    assert result.results["status"].tolist() == ["ok"]
    page = gb.report(tmp_path / "out", tmp_path / "report.html")
    assert "shows the first 3 of 5 channels" in Path(page).read_text(encoding="utf-8")
    array = images.transpose(0, 3, 1, 2)
    found = gb.evaluate(real=dataset, fake=array, extractor="pixels", metrics="fd")
    assert found.circumstances["channels"] == 5
    assert found.metrics["fd"] is not None
    with pytest.raises(gb.UsageError, match="move the channels forward"):
        gb.evaluate(real=dataset, fake=images, extractor="pixels", metrics="fd")


def test_a_network_of_color_images_says_what_it_sees(tmp_path: Path) -> None:
    heard: list[str] = []
    context = ExtractorContext(
        gb.DataSpec(6, 8, 8), lambda split: None, "", tmp_path, torch.device("cpu"), heard.append
    )
    network = FeatureNetwork("net", lambda x: Features(x.float().mean((2, 3))), standard_fid=True)
    seen = seen_in_color(network, context)
    assert seen.forward(torch.zeros(2, 6, 8, 8, dtype=torch.uint8)).features.shape == (2, 3)
    assert "first 3 of 6" in seen.identity
    assert "first 3 of 6" in heard[0]
    assert not seen.standard_fid
