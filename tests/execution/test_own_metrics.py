"""Metrics of third parties in grids and in eval: their columns, and what they do wrong."""

from __future__ import annotations

import json
import math
import shutil
import sys
from typing import ClassVar

import numpy as np
import pytest
import torch

import ganbench as gb
from ganbench.testing.plugins import installed

TINY = "mlp[d_widths=[16],g_widths=[16],latent_dim=4]"


class Brightness(gb.Metric):
    """How much brighter the samples are, in grey levels."""

    needs = ("images",)
    columns = (gb.Column("brightness", better="lower", meaning="difference", floor=True),)
    times: int = 1

    def reference(self, real):
        return {"mean": real.images.double().mean()}

    def compute(self, fake, reference):
        mean = fake.images.double().mean()
        return {"brightness": self.times * float((mean - reference["mean"]).abs())}


class Diversity(gb.Metric):
    """The spread of the samples: higher is better."""

    needs = ("features",)
    columns = (gb.Column("diversity", better="higher", scale="log", meaning="spread"),)

    def compute(self, fake, reference):
        return {"diversity": float(fake.features.double().std(0).mean())}


class Raises(Diversity):
    """Breaks down."""

    columns = (gb.Column("raises", better="lower", meaning="nothing"),)

    def compute(self, fake, reference):
        raise RuntimeError("this metric\nis broken")


class Sneaks(Diversity):
    """Reads what it does not name."""

    columns = (gb.Column("sneaks", better="lower", meaning="nothing"),)

    def compute(self, fake, reference):
        return {"sneaks": float(fake.images.double().mean())}


class SneaksAtReal(Sneaks):
    """The same on the real side."""

    columns = (gb.Column("sneaks_at_real", better="lower", meaning="nothing"),)

    def reference(self, real):
        return {"labels": real.labels}


class Forgets(Diversity):
    """Gives other columns than it names."""

    columns = (gb.Column("forgets", better="lower", meaning="nothing"),)

    def compute(self, fake, reference):
        return {"something_else": 1.0}


class Once(Brightness):
    """Breaks down on other real samples than those of the training split."""

    columns = (gb.Column("once", better="lower", meaning="it", floor=True, held_out=True),)

    def reference(self, real):
        if len(real) != 1438:
            raise RuntimeError("no such samples")
        return super().reference(real)

    def compute(self, fake, reference):
        if len(fake) != 64:
            raise RuntimeError("too few samples")
        return {"once": super().compute(fake, reference)["brightness"]}


class Scripted(gb.Metric):
    """Values that are known beforehand: those of the ticks, and the best one for what comes later."""

    needs = ("features",)
    columns = (
        gb.Column("script", better="lower", scale="log", meaning="it"),
        gb.Column("script_score", better="higher", scale="log", meaning="its inverse"),
        gb.Column("reached", better="higher", scale="count", meaning="modes", lost_modes=True),
    )
    script: ClassVar[list] = []

    def compute(self, fake, reference):
        distance, modes = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return {"script": distance, "script_score": 1 / distance, "reached": modes}


class Spoils(Diversity):
    """Writes where others read, sets what is the process's own, or gives what no metric gives."""

    columns = (gb.Column("spoils", better="lower", meaning="nothing"),)
    act: str = ""

    def reference(self, real):
        if self.act == "reference":
            real.features.sub_(1)
        return {"features": None if self.act == "no tensors" else real.features}

    def compute(self, fake, reference):
        match self.act:
            case "features":
                fake.features.mul_(0)
            case "kept":
                reference["features"].mul_(0)
            case "switches":
                torch.set_default_dtype(torch.float64)
                torch.set_grad_enabled(False)
            case "exits":
                sys.exit(3)
            case "nothing":
                return None
            case "details":
                return gb.Measured({"spoils": 1.0}, details={"what": object()})
        return {"spoils": 1.0}


@gb.hookimpl
def ganbench_metrics(register):
    register("brightness", Brightness)
    register("diversity", Diversity)
    register("raises", Raises)
    register("sneaks", Sneaks)
    register("sneaks-at-real", SneaksAtReal)
    register("forgets", Forgets)
    register("once", Once)
    register("scripted", Scripted)
    register("spoils", Spoils)


@pytest.fixture(autouse=True)
def _own(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    with installed(sys.modules[__name__]):
        yield


def run(out, metrics, **evaluation):
    settings = {"ticks": 2, "samples": 64, "extractor": "pixels", "metrics": metrics}
    grid = {"grid": {"architecture": [TINY], "loss": ["hinge"], "dataset": ["digits"]}}
    result = gb.run(grid, out, budget="10steps", evaluation=settings | evaluation)
    (log,) = out.glob("trials/*/log.txt")
    return result.results.iloc[0], log.read_text()


def test_its_columns_are_in_rows_history_and_the_runs_own_description(tmp_path):
    row, _ = run(tmp_path / "r", ["fd", "brightness[times=3]", "diversity"])
    assert row["status"] == "ok"
    assert row["brightness"] >= 0
    assert row["brightness_floor"] >= 0
    history = gb.load_history(tmp_path / "r")
    assert len(history["brightness"].dropna()) == 3
    assert history["diversity"].iloc[-1] == row["diversity"]
    digits = gb.get("dataset", "digits").load("train", tmp_path).images
    assert 0 <= row["brightness"] < 3 * 255
    described = json.loads((tmp_path / "r/columns.json").read_text())
    assert "brightness" in json.dumps(described)
    fakes = np.random.RandomState(0).randint(0, 256, (50, 1, 8, 8), np.uint8)
    found = gb.evaluate(
        fake=fakes, real="digits", extractor="pixels", metrics="brightness[times=3],diversity"
    ).metrics
    assert found["brightness"] == pytest.approx(3 * abs(fakes.mean() - digits.double().mean()))
    assert found["diversity"] == pytest.approx(fakes.reshape(50, -1).std(0, ddof=1).mean() / 255)


def test_without_being_named_it_is_not_measured(tmp_path):
    row, _ = run(tmp_path / "r", [])
    assert "brightness" not in row
    assert row["precision"] >= 0


def test_it_may_be_the_primary_one_where_higher_is_better(tmp_path):
    row, _ = run(tmp_path / "r", ["diversity"], primary="diversity")
    history = gb.load_history(tmp_path / "r")["diversity"]
    assert row["diversity_best"] == history.max()
    assert row["diversity_drift"] == pytest.approx(history.max() / history.iloc[-1])
    assert row["diversity_noise"] > 0
    assert "fd" not in history
    curve = gb.load_history(tmp_path / "r")
    assert row["diversity_auc"] == pytest.approx(
        np.trapezoid(np.log(history), curve["images"]) / curve["images"].iloc[-1]
    )


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("raises", "RuntimeError: this metric is broken"),
        ("sneaks", "sneaks reads 'images', but its needs do not name it; write needs = "),
        ("sneaks-at-real", "sneaks-at-real reads 'labels', but its needs do not name"),
        ("forgets", "gives ['something_else'], but its columns are ['forgets']"),
    ],
)
def test_one_that_breaks_down_is_missing_with_the_reason_and_ends_nothing(metric, reason, tmp_path):
    plain, _ = run(tmp_path / "plain", ["fd"])
    row, log = run(tmp_path / "r", ["fd", metric, "diversity"])
    column = metric.replace("-", "_")
    assert row["status"] == "ok"
    assert math.isnan(row.get(column, math.nan))
    assert row["fd"] == plain["fd"]
    assert row["diversity"] > 0
    assert f"metric {metric} failed, its columns are missing: " in log
    assert reason in log
    fakes = np.zeros((50, 1, 8, 8), np.uint8)
    found = gb.evaluate(fake=fakes, real="digits", extractor="pixels", metrics=["fd", metric])
    assert found.metrics[column] is None
    assert any(reason in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        ("exits", "SystemExit: 3"),
        ("nothing", "compute must return a dict of column -> number, or a Measured, not None"),
        ("details", "compute must return details in JSON's types"),
        ("no tensors", "must be a dict of name -> tensor"),
    ],
)
def test_what_no_metric_gives_is_missing_with_the_reason(act, reason):
    fakes = np.random.RandomState(0).randint(0, 256, (64, 1, 8, 8), dtype=np.uint8)
    metrics = [f"spoils[act={act}]", "diversity"]
    found = gb.evaluate(fake=fakes, real="digits", extractor="pixels", metrics=metrics)
    assert found.metrics["spoils"] is None
    assert found.metrics["diversity"] > 0
    assert any(reason in warning for warning in found.warnings)


@pytest.mark.parametrize("act", ["reference", "features", "kept"])
def test_one_that_writes_where_others_read_ends_the_trial_and_spoils_no_cache(act, tmp_path):
    plain, _ = run(tmp_path / "plain", ["fd", "prdc"])
    shutil.rmtree(tmp_path / "cache")
    row, _ = run(tmp_path / "r", ["fd", f"spoils[act={act}]", "prdc"])
    assert row["status"] == "error"
    assert "in place, but other metrics read them too: change a copy" in row["error"]
    again, _ = run(tmp_path / "again", ["fd", "prdc"])
    assert again[["fd", "recall"]].equals(plain[["fd", "recall"]])


def test_one_that_sets_what_is_the_processs_own_changes_no_training(tmp_path):
    plain, _ = run(tmp_path / "plain", ["fd"])
    row, _ = run(tmp_path / "r", ["fd", "spoils[act=switches]"])
    assert row["status"] == "ok"
    assert row["fd"] == plain["fd"]


@pytest.mark.parametrize("metric", ["raises", "sneaks"])
def test_the_primary_one_that_breaks_down_ends_the_trial(metric, tmp_path):
    row, _ = run(tmp_path / "r", ["fd", metric], primary=metric)
    assert row["status"] == "error"
    assert f"the primary metric '{metric}' cannot be measured: " in row["error"]


@pytest.mark.parametrize(
    ("metrics", "primary", "reason"),
    [
        ([], "fid", "has no value for these samples (`fd`, only for the standard FID"),
        (["modes"], "modes", "cannot be measured: the data has no known modes"),
    ],
)
def test_a_primary_column_without_a_value_is_an_error_and_no_divergence(
    metrics, primary, reason, tmp_path
):
    row, _ = run(tmp_path / "r", metrics, primary=primary)
    assert row["status"] == "error"
    assert f"the primary metric '{primary}' {reason}" in row["error"]


def test_floor_test_split_and_noise_that_break_down_end_nothing(tmp_path):
    row, log = run(tmp_path / "r", ["fd", "once"], primary="once")
    assert row["status"] == "ok", row["error"]
    assert row["once"] > 0
    assert row["fd_floor"] > 0
    for beside in ("once_floor", "once_test", "once_noise"):
        assert math.isnan(row.get(beside, math.nan))
    assert "the floor of once is missing: RuntimeError: no such samples" in log
    assert "once against the test split is missing: RuntimeError: no such samples" in log
    assert "the noise of once is missing: RuntimeError: too few samples" in log


@pytest.mark.slow
@pytest.mark.parametrize("primary", ["script", "script_score"])
@pytest.mark.parametrize(
    ("distances", "modes", "verdict"),
    [
        ([100, 10, 11, 11], [1, 8, 3, 3], "collapsed"),
        ([100, 10, 11, 11], [9, 3, 3, 3], "stable"),  # before training, by accident
        ([100, 10, 20, 20], [1, 8, 8, 8], "degraded"),
        ([100, 10, 11, 14], [1, 8, 8, 8], "stable"),
        ([100, 60, 60, 60], [1, 8, 8, 8], "never-learned"),
    ],
)
def test_the_verdict_is_of_the_primary_column_and_of_modes_that_were_lost(
    primary, distances, modes, verdict, tmp_path
):
    Scripted.script = [*zip(map(float, distances), modes, strict=True), (min(distances), 8)]
    row, log = run(tmp_path / "r", ["scripted"], primary=primary, ticks=3)
    assert row["status"] == "ok", row["error"] + log
    assert row["verdict"] == verdict
    assert row[f"{primary}_noise"] == 0
    assert row[f"{primary}_drift"] == pytest.approx(distances[-1] / min(distances))
