"""What ``extractor = "auto"`` takes where weights cannot be had, and that a run sticks to it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganbench as gb
from ganbench.evaluation.evaluate import evaluate
from ganbench.testing import installed

GRID = {
    "grid": {
        "architecture": ["mlp[d_widths=[8],g_widths=[8],latent_dim=4]"],
        "loss": ["hinge"],
        "dataset": ["speckles"],
    },
    "budget": {"steps": 2},
    "training": {"batch_size": 8},
    "evaluation": {"ticks": 1, "samples": 32},
}


class Speckles(gb.Dataset):
    """Random grey images."""

    extractor = "heavy"
    splits = ("train",)

    def load(self, split: str, root: Path) -> gb.ImageData:
        random = torch.Generator().manual_seed(0)
        return gb.ImageData(torch.randint(256, (40, 1, 8, 8), generator=random, dtype=torch.uint8))


class Light(gb.Extractor):
    """A quarter of the pixels."""

    absent = ""
    asked = 0
    resizes = True

    def missing(self, root, cache, log):
        type(self).asked += 1
        return self.absent or None

    def prepare(self, context):
        name = type(self).__name__.lower()
        return gb.FeatureNetwork(
            name, lambda images: gb.Features(images[:, :, ::2, ::2].flatten(1).float())
        )


class Heavy(Light):
    """The same, from weights that may be absent."""

    fallback = "light"


class Plugin:
    @staticmethod
    @gb.hookimpl
    def ganbench_datasets(register):
        register("speckles", Speckles)

    @staticmethod
    @gb.hookimpl
    def ganbench_extractors(register):
        register("heavy", Heavy)
        register("light", Light)


@pytest.fixture(autouse=True)
def _plugin(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    for cls in (Heavy, Light):
        monkeypatch.setattr(cls, "absent", "")
        monkeypatch.setattr(cls, "asked", 0)
    with installed(Plugin):
        yield


@pytest.fixture
def absent(monkeypatch):
    """The weights of `Heavy` cannot be had."""
    monkeypatch.setattr(Heavy, "absent", "the weights of heavy are in the cellar")


def run(out, **more):
    return gb.run(GRID | more, out=out, executor="inline")


def recorded(out):
    return tomllib.loads((out / "grid.toml").read_text()).get("auto")


def test_the_fallback_is_taken_once_for_the_whole_run_and_written_down(tmp_path, absent, capsys):
    two = GRID["grid"] | {"seeds": 2, "loss": ["hinge", "lsgan"]}
    result = gb.run(GRID | {"grid": two}, out=tmp_path / "r", executor="inline", quiet=False)
    assert set(result.results["extractor"]) == {"light:32/40:train"}
    assert Heavy.asked == Light.asked == 1
    sentence = "for the whole run, auto takes light in place of heavy: the weights of heavy are in"
    assert capsys.readouterr().err.count(sentence) == 1
    assert recorded(tmp_path / "r") == {"heavy": "light"}
    identity = next((tmp_path / "r").glob("trials/*/trial.json"))
    assert json.loads(identity.read_text())["extractor"]["name"] == "light"


def test_a_run_stays_with_what_it_began_with(tmp_path, absent, monkeypatch, capsys):
    run(tmp_path / "r")
    monkeypatch.setattr(Heavy, "absent", "")
    again = gb.run(GRID, out=tmp_path / "r", executor="inline", quiet=False)
    assert again.trained == 0
    assert set(again.results["extractor"]) == {"light:32/40:train"}
    assert (
        "auto takes light in place of heavy, as this run began with it" in capsys.readouterr().err
    )
    more = run(tmp_path / "r", grid=GRID["grid"] | {"loss": ["lsgan"]})
    assert set(more.results["extractor"]) == {"light:32/40:train"}
    fresh = run(tmp_path / "fresh")
    assert set(fresh.results["extractor"]) == {"heavy:32/40:train"}
    assert recorded(tmp_path / "fresh") == {"heavy": "heavy"}
    monkeypatch.setattr(Heavy, "absent", "gone")
    assert run(tmp_path / "fresh").trained == 0


def test_the_grid_of_a_run_gives_the_same_trials_elsewhere(tmp_path, absent, monkeypatch):
    first = run(tmp_path / "r")
    monkeypatch.setattr(Heavy, "absent", "")
    other = gb.run(str(tmp_path / "r" / "grid.toml"), out=tmp_path / "other", executor="inline")
    assert list(other.results["trial"]) == list(first.results["trial"])


def test_where_neither_can_be_had_both_reasons_are_told(tmp_path, absent, monkeypatch):
    monkeypatch.setattr(Light, "absent", "pip install light")
    monkeypatch.setattr(Heavy, "absent", "in the cellar")
    with pytest.raises(gb.DataNotFoundError, match=r"in the cellar; .* either: pip install light"):
        run(tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_named_extractor_is_never_replaced(tmp_path, absent):
    result = run(tmp_path / "r", evaluation=GRID["evaluation"] | {"extractor": "heavy"})
    assert set(result.results["extractor"]) == {"heavy:32/40:train"}
    assert Heavy.asked == 0


def test_an_extractor_that_raises_counts_as_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Heavy, "missing", lambda *arguments: 1 / 0)
    gb.run(GRID, out=tmp_path / "r", executor="inline", quiet=False)
    assert "heavy does not keep its contract: ZeroDivisionError" in capsys.readouterr().err
    assert recorded(tmp_path / "r") == {"heavy": "light"}


def test_eval_takes_the_fallback_and_warns(tmp_path, absent):
    fake = torch.randint(256, (40, 1, 8, 8), dtype=torch.uint8)
    found = evaluate(fake=fake, real="speckles", metrics="fd")
    assert found.identity == "light:40/40:train"
    assert [w for w in found.warnings if w.startswith("auto takes light in place of heavy: the w")]
    assert not [w for w in evaluate(fake=fake, real="speckles", metrics="fd", extractor="light").warnings
                if "auto" in w]  # fmt: skip


def test_a_table_that_holds_no_spec_is_refused():
    with pytest.raises(
        gb.UsageError, match=r"\[auto\] heavy must be the spec of an extractor, not 3"
    ):
        gb.Grid.from_dict(GRID | {"auto": {"heavy": 3}})


@pytest.mark.slow
def test_workers_take_the_fallback_of_the_inception_network(tmp_path, monkeypatch):
    """With ganbench's own extractors, in other processes."""
    monkeypatch.setenv("GANBENCH_INCEPTION", str(tmp_path / "nowhere.pth"))
    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for number in range(12):
        pixels = random.integers(256, size=(16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    dataset = f"folder[path={tmp_path / 'photos'},size=16]"
    axes = GRID["grid"] | {"dataset": [dataset]}
    evaluation = {"ticks": 1, "samples": 8}
    result = gb.run(GRID | {"grid": axes, "evaluation": evaluation}, out=tmp_path / "r")
    assert list(result.results["status"]) == ["ok"]
    assert result.results["extractor"][0].startswith("efficientnet-lite0@57934424:8/")
    assert result.results["fid"].isna().all()
