"""A cache that cannot be written costs time and a warning, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

import ganbench as gb
from ganbench.base.paths import cache_problem

GRID = {
    "grid": {
        "architecture": ["mlp[d_widths=[4],g_widths=[4]]"],
        "loss": ["hinge", "wgan"],
        "dataset": ["digits"],
    },
    "budget": {"steps": 1},
    "evaluation": {"ticks": 1, "samples": 40, "extractor": "small-cnn[steps=2]"},
}


@pytest.fixture
def no_folder(tmp_path, monkeypatch):
    """A file where the cache's folder should be: nobody can write there, the superuser included."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "file" / "cache"))
    return tmp_path / "file" / "cache"


@pytest.mark.parametrize(("executor", "jobs"), [("inline", 1), ("local", 2)])
def test_trials_run_and_the_warning_is_given_once(tmp_path, no_folder, capsys, executor, jobs):
    done = gb.run(GRID, tmp_path / "run", executor=executor, jobs=jobs, device="cpu", quiet=False)
    assert list(done.results["status"]) == ["ok", "ok"]
    said = capsys.readouterr().err
    assert said.count("cannot write to the cache") == 1
    assert f"cannot write to the cache {no_folder} (Not a directory)" in said
    assert "Traceback" not in said


def test_what_is_not_kept_gives_the_same_numbers(tmp_path, no_folder, monkeypatch):
    without = gb.run(GRID, tmp_path / "without", executor="inline", device="cpu").results
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    kept = gb.run(GRID, tmp_path / "kept", executor="inline", device="cpu").results
    again = gb.run(GRID, tmp_path / "again", executor="inline", device="cpu").results
    assert list(without["extractor"]) == list(kept["extractor"])
    assert list(kept["fd"]) == list(again["fd"])
    assert list(without["fd"]) == list(kept["fd"])


def test_an_evaluation_without_a_cache(tmp_path, no_folder):
    images = np.random.RandomState(0).randint(0, 256, (30, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "fake.npz", images)
    done = gb.evaluate(
        fake=tmp_path / "fake.npz",
        real="digits",
        extractor="pixels",
        metrics=["fd"],
        samples=30,
        device="cpu",
    )
    assert sum("cannot cache" in warning for warning in done.warnings) == 1
    assert done.metrics["fd"] > 0


def test_a_cache_that_can_be_written_is_no_problem(tmp_path):
    assert cache_problem(tmp_path / "new" / "cache") is None
    assert not list((tmp_path / "new" / "cache").iterdir())
