"""`ganbench fit` from a folder to pictures, generator and report, and on from there."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

import ganbench as gb
from ganbench.cli.app import app
from ganbench.fit import api, candidates, choose, search
from ganbench.fit.candidates import Candidates
from ganbench.fit.choose import cell_of
from ganbench.fit.halving import Start
from ganbench.grid.plan import expand

MLP = "mlp[d_widths=[32],g_widths=[32],latent_dim=8]"


def photos(folder, count=60):
    """Random pixels in two classes: noise is a result then."""
    random = np.random.RandomState(0)
    for number in range(count):
        pixels = random.randint(0, 256, (12, 12)).astype(np.uint8)
        x, y = random.randint(0, 7, 2)
        pixels[y, x] = 255
        place = folder / ("left" if x < 3 else "right")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number:03}.png")
    return folder


@pytest.fixture
def small(monkeypatch):
    """Two candidates that train within seconds."""
    cells = [
        [{"architecture": MLP, "loss": loss, "regularizer": "none", "augmentation": "none"}]
        for loss in ("hinge", "lsgan")
    ]
    found = Candidates(
        dataset="folder",
        sizes=[8],
        extractors=["pixels"],
        training={"batch_size": 16, "d_steps": 1, "lr_decay": "none"},
        evaluation={"metrics": ["fd", "prdc"]},
        families=cells,
    )
    monkeypatch.setattr(api, "shipped", lambda: found)


def small_rounds(monkeypatch):
    """A first round of 20 steps, one three times as long, and no more, however long they take."""
    multiples = iter([3, None])
    monkeypatch.setattr(choose, "start", lambda *args: Start(2, 1, 20, 1))
    monkeypatch.setattr(
        search, "next_multiple", lambda c, s, before, *args: _times(before, multiples)
    )


def _times(before, multiples):
    factor = next(multiples)
    return factor and before * factor


@pytest.mark.slow
def test_from_a_folder_to_its_files_and_on(small, monkeypatch, tmp_path):
    images, out = photos(tmp_path / "photos"), tmp_path / "run"
    small_rounds(monkeypatch)
    arguments = ["fit", str(images), "--total", "1h", "-o", str(out), "--json"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["best"].startswith("mlp[")
    assert "did best: fd" in found["sentences"][0]
    assert set(found["files"]) == {"picture", "generator", "report"}
    with Image.open(out / "samples.png") as picture:
        assert picture.width > picture.height
    (use,) = [said for said in found["sentences"] if said.startswith("The generator takes")]
    call = use.partition(": ")[2].partition(" gives")[0]
    assert len(eval(call, {"torch": torch})) == 16
    assert "<html" in (out / "report.html").read_text(encoding="utf-8")[:2000]
    words = (out / "outcome.txt").read_text(encoding="utf-8").splitlines()
    assert words == found["sentences"][: len(words)]
    assert words[1].startswith("fd: the distance between generated and real images")
    assert found["trial"] in set(gb.load_results(out)["trial"])

    small_rounds(monkeypatch)
    again = gb.fit(images, "1h", out)
    assert len(again.rounds) > len(found["rounds"])
    assert again.rounds[: len(found["rounds"])] == found["rounds"]
    later = gb.load_results(out)
    assert later["extended_from"].notna().any()  # a larger budget goes on


def test_wrong_folders_and_times_are_one_sentence(tmp_path):
    images = photos(tmp_path / "photos", 20)
    for arguments, reason in (
        ([str(tmp_path / "nowhere")], "does not exist"),
        ([""], "is empty"),
        ([str(images), "--total", "soon"], "write it as 90s, 10m or 1.5h"),
        ([str(images), "-o", str(images)], "is not a run folder"),
    ):
        done = CliRunner().invoke(app, ["fit", *arguments])
        text = str(done.exception) + done.output
        assert reason in text
        assert not isinstance(done.exception, (TypeError, AttributeError))


def test_another_folders_fit_is_not_mixed_in(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "trials").mkdir()
    record = {"version": 1, "images": "/other", "fingerprint": "f"}
    (tmp_path / "run" / "fit.json").write_text(json.dumps(record))
    with pytest.raises(gb.UsageError, match="has a fit of /other"):
        gb.fit(photos(tmp_path / "photos", 20), "40s", tmp_path / "run")


def test_the_shipped_candidates_are_components_that_fit_together(tmp_path):
    found = candidates.shipped()
    for family in found.families:
        dataset = f"folder[path={photos(tmp_path / 'photos', 20)},size=32]"
        budget = {"images": 1000}
        grid = candidates.grid_of(family, dataset, found.training, found.evaluation, budget)
        cells = expand(grid, tmp_path).cells
        for candidate in family:
            cell = cell_of(cells, candidate)
            assert cell.reason is None
            trained = (cell.architecture, cell.loss, *cell.regularizers, *cell.augmentations)
            assert not any(one.component.follows_budget for one in trained)  # rounds go on
