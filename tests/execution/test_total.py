"""A limit for the whole run: what is planned for it, and how the run ends when it is over."""

from __future__ import annotations

import json
import math

import pytest

import ganbench as gb
from ganbench.base.errors import UsageError
from ganbench.execution.progress.listener import Progress
from ganbench.execution.run import configure, execute
from ganbench.execution.run_options import RunOptions
from ganbench.execution.total import plan_in_time
from ganbench.execution.total.costs import Costs
from ganbench.execution.total.deadline import Deadline
from ganbench.execution.total.shares import (
    evaluations_within,
    largest_scale,
    makespan,
    scaled,
)
from ganbench.grid.budget import Budget
from ganbench.grid.plan import expand
from ganbench.store.run_folder import RunFolder

TINY = "mlp[d_widths=[16],g_widths=[16],latent_dim=4]"
EVALUATION = {"extractor": "pixels", "samples": 64, "ticks": 2, "metrics": ["fd"]}


def grid_of(budget="1000000img", **evaluation):
    axes = {"architecture": [TINY], "loss": ["hinge", "lsgan"], "dataset": ["digits"]}
    return configure({"grid": axes}, None, 2, budget, None, EVALUATION | evaluation)


class Left(Deadline):
    """A time that does not pass."""

    @property
    def left(self):
        return self.at


def planned(monkeypatch, tmp_path, grid, total, seconds, **costs):
    """The grid planned for a total, where each trial takes so many seconds at its budget."""
    said = []

    def measured(grid, cells, *rest, **more):
        return Costs(training={cell.id: seconds for cell in cells}, **costs)

    monkeypatch.setattr(plan_in_time, "measured_costs", measured)
    options = RunOptions.of(total=total, jobs=1)
    left = Left(options.total or math.inf)
    found = plan_in_time.plan_in_time(
        grid, RunFolder(tmp_path / "run"), tmp_path, options, left, said.append
    )
    return found, said


class TestTheArithmetic:
    def test_trials_take_the_slot_that_is_free_first(self):
        assert makespan([3, 1, 1, 1], 2) == 3
        assert makespan([1, 1, 1], 1) == 3
        assert makespan([], 2) == 0

    def test_the_budget_shrinks_until_all_trials_fit(self):
        scale = largest_scale([100.0] * 4, evaluation=5.0, slots=2, seconds=60.0)
        assert scale == pytest.approx(0.25)
        assert largest_scale([1.0], 1.0, 1, 100.0) == 1.0
        assert scaled(Budget("images", 200_000), largest_scale([9.0], 10.0, 1, 5.0)) is None

    def test_budgets_are_cut_to_two_digits(self):
        assert scaled(Budget("images", 200_000), 0.4567) == Budget("images", 91_000)
        assert scaled(Budget("steps", 50), 0.5) == Budget("steps", 25)
        assert scaled(Budget("seconds", 60.0), 0.5) == Budget("seconds", 30.0)
        assert scaled(Budget("steps", 3), 0.1) is None

    def test_ticks_go_before_samples_and_metrics_last(self):
        costs = Costs(sample=0.01, end=0.01)
        whole = evaluations_within(costs, 10, 1000, 1e9, may_leave_out=True)
        assert (whole.ticks, whole.samples, whole.all_metrics) == (10, 1000, True)
        fewer = evaluations_within(costs, 10, 1000, 80.0, may_leave_out=True)
        assert (fewer.ticks, fewer.samples) == (5, 1000)
        assert fewer.seconds <= 80.0
        least = evaluations_within(costs, 10, 1000, 11.0, may_leave_out=True)
        assert (least.ticks, least.samples, least.all_metrics) == (2, 256, False)
        assert not evaluations_within(costs, 10, 1000, 0.1, may_leave_out=False).fits


class TestThePlan:
    def test_every_trial_gets_the_same_smaller_budget(self, monkeypatch, tmp_path):
        found, said = planned(monkeypatch, tmp_path, grid_of(), "108s", 100.0)
        assert found.budget == Budget("images", 200_000)  # 0.8 of 100 s for 4 trials of 100 s
        assert "4 trials, 200000img" in said[-2]
        assert "in place of 1000000img" in said[-2]

    def test_a_grid_that_fits_stays_as_it_is(self, monkeypatch, tmp_path):
        found, _ = planned(monkeypatch, tmp_path, grid_of(), "10m", 1.0)
        assert found == grid_of()

    def test_evaluation_gets_its_share(self, monkeypatch, tmp_path):
        grid = grid_of(samples=10_000, ticks=10, share=0.2)
        found, _ = planned(monkeypatch, tmp_path, grid, "108s", 100.0, sample=0.001)
        settings = found.evaluation_settings
        assert (settings.ticks, settings.samples) == (4, 625)
        assert settings.share is None
        assert (
            Costs(sample=0.001).evaluation(settings.ticks, settings.samples) <= 0.2 * 0.8 * 100 / 4
        )

    def test_a_share_needs_no_total(self, monkeypatch, tmp_path):
        grid = grid_of(samples=10_000, share=0.5)
        found, _ = planned(monkeypatch, tmp_path, grid, None, 20.0, sample=0.001)
        assert found.budget == grid.budget
        assert found.evaluation_settings.samples == 5_000

    def test_much_evaluation_is_named_with_the_way_out(self, monkeypatch, tmp_path):
        _, said = planned(monkeypatch, tmp_path, grid_of(), "10m", 1.0, start=1.0)
        assert "evaluation.share=0.2" in said[-1]

    def test_a_time_too_short_is_refused_with_ways_out(self, monkeypatch, tmp_path):
        with pytest.raises(UsageError, match=r"too short for 4 trials.*longer --total"):
            planned(monkeypatch, tmp_path, grid_of(), "30s", 1.0, start=10.0)

    def test_the_same_command_keeps_the_plan(self, monkeypatch, tmp_path):
        first, _ = planned(monkeypatch, tmp_path, grid_of(), "108s", 100.0)
        again, said = planned(monkeypatch, tmp_path, grid_of(), "108s", 7.0)
        assert again == first
        assert "planned before" in said[-1]
        other, _ = planned(monkeypatch, tmp_path, grid_of(), "10m", 1.0)
        assert other.budget == grid_of().budget

    def test_the_share_changes_no_identity(self, tmp_path):
        ids = [
            [cell.id for cell in expand(grid, tmp_path).cells]
            for grid in (grid_of(), grid_of(share=0.2))
        ]
        assert ids[0] == ids[1]
        record = expand(grid_of(share=0.2), tmp_path).cells[0].evaluation_record
        assert "share" not in record


class Quiet(Progress):
    def __init__(self):
        self.said = []

    def say(self, sentence):
        self.said.append(sentence)


class Asked(Deadline):
    """Over after some questions, however long they take."""

    def __init__(self, times):
        super().__init__()
        object.__setattr__(self, "times", [None] * times)

    @property
    def over(self):
        return not self.times or bool(self.times.pop())


def test_a_run_stops_when_its_time_is_over_and_goes_on(tmp_path):
    grid = grid_of("100000steps")
    folder, options = RunFolder(tmp_path / "run"), RunOptions.of(executor="inline")
    stopped = execute(grid, folder, tmp_path, options, Quiet(), deadline=Asked(10))
    assert stopped.out_of_time
    assert stopped.exit_code == 130
    assert "its time was over" in str(stopped)
    before = max(trial.read_history()[-1]["steps"] for trial in folder.trials())
    again = execute(grid, folder, tmp_path, options, Quiet(), deadline=Asked(10))
    assert again.out_of_time
    steps = [row["steps"] for row in folder.rows()]
    assert max(steps) > before


@pytest.mark.slow
def test_a_measured_total_bounds_a_run(tmp_path):
    found = gb.run(
        {"grid": {"architecture": [TINY], "loss": ["hinge"], "dataset": ["digits"]}},
        tmp_path / "run",
        budget="100000000img",
        evaluation=EVALUATION | {"share": 0.3},
        total="20s",
        executor="inline",
    )
    assert found.interrupted == found.out_of_time  # the machine may become slower meanwhile
    images = json.loads((tmp_path / "run" / "total.json").read_text())["budget"]["images"]
    assert 0 < images < 100_000_000
    assert (found.results["budget"] == f"{images}img").all()
