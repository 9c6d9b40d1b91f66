"""``--extend``: a larger budget goes on from a finished trial, with the bits of a fresh run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import ganbench as gb
from ganbench.execution.extend import Extensions, extensions, other_ticks
from ganbench.execution.run import configure
from ganbench.grid.budget import Budget
from ganbench.grid.plan import expand
from ganbench.report.content import gather
from ganbench.store.run_folder import RunFolder
from ganbench.training.schedule import Schedule
from ganbench.training.state import newest_checkpoint

AXES = {
    "architecture": ["mlp[g_widths=[16],d_widths=[16]]"],
    "loss": ["hinge"],
    "dataset": ["digits"],
    "regularizer": ["r1"],
    "augmentation": ["ada"],
}
EVALUATION = {"samples": 200, "metrics": ["fd"], "extractor": "pixels"}
TIMES = {
    *("train_seconds", "eval_seconds", "wall_seconds", "images_per_second", "steps_per_second"),
    *("step_ms", "warmup_seconds", "compile_seconds", "started", "exclusive"),
    *("peak_memory_mb", "eval_peak_memory_mb"),
}


def configured(steps: int, ticks: int, training: dict[str, Any], **axes: list[str]) -> gb.Grid:
    grid = {"grid": AXES | axes}
    settings = {"batch_size": 16} | training
    return configure(grid, None, 1, f"{steps}steps", settings, EVALUATION | {"ticks": ticks})


def run(
    folder: Path, steps: int, ticks: int, extend: bool = False, **training: Any
) -> pd.DataFrame:
    grid = configured(steps, ticks, training)
    return gb.run(grid, folder, executor="inline", extend=extend, threads=1).results


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished trial of 20 steps."""
    folder = tmp_path_factory.mktemp("small") / "run"
    run(folder, 20, 2)
    return folder


def without_times(frame: pd.DataFrame) -> list[dict[str, Any]]:
    kept = frame.drop(columns=[*TIMES & set(frame.columns)])
    return kept.astype(object).where(kept.notna(), None).to_dict("records")


def test_it_has_the_bits_of_a_fresh_run(small, tmp_path):
    run(small, 60, 6, extend=True)
    run(tmp_path / "fresh", 60, 6)
    rows, fresh = gb.load_results(small), gb.load_results(tmp_path / "fresh")
    (mine,) = without_times(rows[rows["budget"] == "60steps"])
    (theirs,) = without_times(fresh)
    base = rows["trial"][rows["budget"] == "20steps"].item()
    assert mine.pop("extended_from") == base
    assert theirs.pop("extended_from") is None
    assert mine == theirs
    histories = [gb.load_history(folder) for folder in (small, tmp_path / "fresh")]
    own = histories[0][histories[0]["trial"] == mine["trial"]]
    assert without_times(own) == without_times(histories[1])
    folders = [RunFolder(at).trial(mine["trial"]) for at in (small, tmp_path / "fresh")]
    for name in ("samples_png", "progress_png"):
        pictures = [getattr(folder, name).read_bytes() for folder in folders]
        assert pictures[0] == pictures[1]
    states = [newest_checkpoint(folder.checkpoint_dir)[0] for folder in folders]
    assert states[0] is not None
    assert states[1] is not None
    first, second = (state["trainer"]["averaged"] for state in states if state is not None)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert states[0]["session"]["best_progress"] == states[1]["session"]["best_progress"]
    assert "going on from trial" in folders[0].log_txt.read_text()


@pytest.mark.parametrize(
    ("budget", "ticks", "there", "way_out"),
    [
        ("60steps", 5, (1, 10, "after 12 of its 60"), "60steps --set evaluation.ticks=6"),
        ("50steps", 6, (1, 10, "after 8 of its 50"), "40steps --set evaluation.ticks=4"),
        # Of 16 images a step: 42 steps, which are not twice 20.
        ("660img", 4, (2, 20, "after 21 of its 42"), "640img --set evaluation.ticks=4"),
    ],
)
def test_evaluations_after_other_steps_are_a_reason_with_a_way_out(
    small, budget, ticks, there, way_out
):
    def found(budget: str, ticks: int) -> Extensions:
        grid = configure(configured(1, ticks, {}), budget=budget)
        return extensions(RunFolder(small), list(expand(grid, Path()).trials()))

    refused = found(budget, ticks)
    (text,) = refused.notices()
    assert refused.bases == {}
    tick, step, other = there
    assert f"at tick {tick} after {step} of its 20 steps, and this one {other}" in text
    assert text.endswith(f"; way out: --budget {way_out}")
    budget, _, setting = way_out.partition(" --set evaluation.ticks=")
    assert len(found(budget, int(setting)).bases) == 1


def test_a_way_out_shows_frames_that_the_smaller_trial_has():
    """Of 30 ticks, every second one has a frame; of 60, every third one would."""
    then, now = Schedule(Budget("steps", 30), 30, 16), Schedule(Budget("steps", 60), 60, 16)
    (trial,) = expand(configured(60, 60, {}), Path()).trials()
    reason = other_ticks(then, now, trial)
    assert reason is not None
    assert reason.startswith("its progress.png shows ticks")
    assert reason.endswith("--budget 120steps --set evaluation.ticks=120")
    further = Schedule(Budget("steps", 120), 120, 16)
    assert other_ticks(then, further, trial) is None


@pytest.mark.parametrize(
    ("training", "axes", "reason"),
    [
        ({"lr_decay": "linear"}, {}, "learning rates follow the budget"),
        ({}, {"regularizer": ["r1[gamma_final=0.1]"]}, "r1[gamma_final=0.1] follows the share"),
        ({}, {"augmentation": ["ada[p_final=0.1]"]}, "follows the share of the budget"),
    ],
)
def test_what_follows_the_budget_begins_at_the_start(tmp_path, training, axes, reason):
    grid = configured(4, 1, training, **axes)
    gb.run(grid, tmp_path / "run", executor="inline", threads=1)
    larger = list(expand(configured(8, 2, training, **axes), Path()).trials())
    found = extensions(RunFolder(tmp_path / "run"), larger)
    assert found.bases == {}
    (text,) = found.notices()
    assert reason in text


def test_only_the_same_cell_of_a_smaller_budget_is_a_base(small):
    trials = list(expand(configured(20, 2, {}), Path()).trials())
    assert extensions(RunFolder(small), []).bases == {}
    assert extensions(RunFolder(small), trials).bases == {}
    smaller = list(expand(configured(10, 1, {}), Path()).trials())
    other = list(expand(configured(60, 6, {"g_lr": 1e-3}), Path()).trials())
    assert list(extensions(RunFolder(small), [*smaller, *other]).notices()) == []


def test_components_say_whether_they_follow_the_budget():
    follows = {
        spec: gb.get(kind, spec).follows_budget
        for kind, spec in (
            ("architecture", "dcgan"),
            ("architecture", "progan"),
            ("augmentation", "ada"),
            ("augmentation", "ada[p_final=0.2]"),
            ("regularizer", "r1"),
            ("regularizer", "r1[gamma_final=1]"),
            ("loss", "hinge"),
        )
    }
    assert [spec for spec, found in follows.items() if found] == [
        "progan",
        "ada[p_final=0.2]",
        "r1[gamma_final=1]",
    ]


def test_the_report_shows_the_larger_trial_with_the_smaller_one_as_its_past(tmp_path):
    run(tmp_path, 4, 1)
    run(tmp_path, 8, 2, extend=True)
    report = gather(tmp_path)
    assert (report.cells.count, report.trials.count) == (1, 2)
    assert [len(gallery.pictures) for gallery in report.galleries] == [1]
    assert report.facts[0] == ("Trials", "2: 2 ok; 1 of them went on to a larger budget")
    assert any("1 trial of 4steps went on to a larger budget" in note for note in report.captions)
    curves = next(one for one in report.chapters if one.anchor == "curves").figures
    assert [len(figure.data.rows) for figure in curves] == [3]  # ticks 0 to 2
