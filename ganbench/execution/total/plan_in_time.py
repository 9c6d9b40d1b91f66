"""Plan a run for a time: the budget and the evaluations that fit, the same for every trial.

The plan is written into the run folder, so that the same command goes on with the same trials.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ganbench.base.errors import UsageError
from ganbench.base.files import write_atomically
from ganbench.base.text import counted, duration
from ganbench.execution.machine_use import workload
from ganbench.execution.placement import Placement, choose_device, place
from ganbench.execution.run_options import RunOptions
from ganbench.execution.total.costs import Costs
from ganbench.execution.total.deadline import Deadline
from ganbench.execution.total.measuring import measured_costs
from ganbench.execution.total.shares import (
    PLANNED,
    Evaluations,
    evaluations_within,
    largest_scale,
    makespan,
    scaled,
)
from ganbench.grid.budget import Budget
from ganbench.grid.cell import Cell, Trial
from ganbench.grid.grid import Grid
from ganbench.grid.metrics import default_metrics
from ganbench.grid.plan import expand
from ganbench.grid.settings import replicas_of
from ganbench.store.run_folder import RunFolder

Say = Callable[[str], None]
_FILE = "total.json"
#: Seconds that starting workers, saving and writing results take.
_AROUND = 8.0
#: The part of the time for evaluation above which a person should know.
_MUCH = 0.5


@dataclass(frozen=True)
class _Question:
    """What is planned: the grid as it was asked for, and the seconds of the run that are left."""

    grid: Grid
    cells: Sequence[Cell]
    costs: Costs
    slots: int
    total: float | None
    left: float


def asks_for_plan(grid: Grid, options: RunOptions) -> bool:
    """Whether a run's budget or evaluations follow from a time."""
    return options.total is not None or grid.evaluation_settings.share is not None


def plan_in_time(
    grid: Grid,
    folder: RunFolder,
    root: Path,
    options: RunOptions,
    deadline: Deadline,
    say: Say,
    stop: Callable[[], bool] = lambda: False,
    keep: bool = True,
) -> Grid:
    """The grid with the budget and the evaluations that fit, as an earlier run planned them or new.

    :param grid: whose extractor is resolved.
    :param deadline: of the run; it may have none where ``options.total`` is not given.
    :param keep: whether to write the plan into the folder.
    :raises UsageError: if nothing fits.
    """
    asked = _asked(grid, options.total)
    earlier = _read(folder.path / _FILE, asked)
    if earlier is not None:
        chosen = _with(grid, **earlier)
        say(f"as this folder was planned before: {_trials_text(chosen)}")
        return chosen
    cells = expand(grid, root).runnable
    if not cells:
        return grid
    trials = [Trial(cell, seed) for cell in cells for seed in grid.seeds]
    placement = _placement(trials, grid, options)
    say("measuring a short warm-up of training and evaluation to plan the time")
    costs = measured_costs(grid, cells, root, placement, say, stop, deadline)
    if not costs.training:
        raise UsageError(
            "the time cannot be planned, since no step of any cell could be timed; run without "
            "--total to see why"
        )
    slots = min(len(placement.slots), len(trials))
    chosen = _chosen(_Question(grid, cells, costs, slots, options.total, deadline.left), say)
    if keep:
        plan = {"budget": chosen.budget.as_dict(), "evaluation": dict(chosen.evaluation)}
        folder.create()
        write_atomically(folder.path / _FILE, json.dumps({"asked": asked, **plan}, indent=2))
    return chosen


def _chosen(asked: _Question, say: Say) -> Grid:
    grid, costs = asked.grid, asked.costs
    settings = grid.evaluation_settings
    training = [costs.training[cell.id] for cell in asked.cells for _ in grid.seeds]
    evaluations = _evaluations(asked, training)
    budget: Budget | None = grid.budget
    if asked.total is not None:
        usable = PLANNED * (asked.left - _AROUND)
        scale = largest_scale(training, evaluations.seconds, asked.slots, usable)
        budget = scaled(grid.budget, scale)
        training = [scale * seconds for seconds in training]
    if budget is None:
        raise UsageError(_too_short(asked, evaluations))
    changed: dict[str, Any] = {}
    if settings.share is not None:
        changed = {"ticks": evaluations.ticks, "samples": evaluations.samples}
        if not evaluations.all_metrics:
            changed["metrics"] = list(default_metrics(quick=True))
    chosen = _with(grid, budget.as_dict(), dict(grid.evaluation) | changed)
    for sentence in _sentences(asked, chosen, evaluations, training):
        say(sentence)
    return chosen


def _evaluations(asked: _Question, training: Sequence[float]) -> Evaluations:
    """Those that were asked for, or those that fit into ``evaluation.share`` of the time."""
    settings, costs = asked.grid.evaluation_settings, asked.costs
    ticks, samples, share = settings.ticks, settings.samples, settings.share
    if share is None:
        return Evaluations(ticks, samples, True, costs.evaluation(ticks, samples), True)
    mean = sum(training) / len(training)
    whole = mean / (1 - share)  # of a trial at the budget that was asked for
    if asked.total is not None:
        per_trial = PLANNED * (asked.left - _AROUND) * asked.slots / len(training)
        whole = min(whole, per_trial)
    may_leave_out = not asked.grid.evaluation.get("metrics")
    return evaluations_within(costs, ticks, samples, share * whole, may_leave_out)


def _with(grid: Grid, budget: Mapping[str, float], evaluation: Mapping[str, Any]) -> Grid:
    ((unit, amount),) = budget.items()
    kept = {name: value for name, value in evaluation.items() if name != "share"}
    return replace(grid, budget=Budget(unit, amount), evaluation=kept)  # type: ignore[arg-type]


def _placement(trials: Sequence[Trial], grid: Grid, options: RunOptions) -> Placement:
    if options.executor == "ray":
        raise UsageError("--total plans for this machine; on a cluster, give --budget")
    device, replicas = choose_device(options.device), replicas_of(grid.as_dict())
    return place(device, options, replicas, workload(trials, trials))


def _trials_text(grid: Grid) -> str:
    settings = grid.evaluation_settings
    return (
        f"{grid.budget} for each trial, evaluated {counted(settings.ticks, 'time')} with "
        f"{settings.samples:,} samples"
    )


def _sentences(
    asked: _Question, chosen: Grid, evaluations: Evaluations, training: Sequence[float]
) -> list[str]:
    """What was planned, for a person."""
    trials, evaluation = len(training), evaluations.seconds * len(training)
    time = "" if asked.total is None else f" for {duration(asked.total)}"
    cut = "" if chosen.budget == asked.grid.budget else f" in place of {asked.grid.budget}"
    together = makespan([one + evaluations.seconds for one in training], asked.slots)
    sides = f"; {counted(asked.slots, 'trial')} at a time" if asked.slots > 1 else ""
    found = [
        f"planned{time}: {counted(trials, 'trial')}, {_trials_text(chosen)}{cut}",
        f"planned: about {duration(sum(training))} of training and {duration(evaluation)} of "
        f"evaluation over all trials{sides}, {duration(together)} in all",
    ]
    if not evaluations.all_metrics:
        found.append(
            "planned: only the metrics of every tick, since those of the last one take too long; "
            "name evaluation.metrics to choose"
        )
    share = evaluation / max(evaluation + sum(training), 1e-9)
    if asked.grid.evaluation_settings.share is None and share > _MUCH:
        found.append(
            f"evaluation takes {100 * share:.0f} % of this time; --set evaluation.share=0.2 plans "
            "fewer samples and ticks"
        )
    if not evaluations.fits:
        found.append(
            f"even {counted(evaluations.ticks, 'evaluation')} of {evaluations.samples:,} samples take "
            "more than evaluation.share of the time; a quicker evaluation.extractor would help"
        )
    return found


def _too_short(asked: _Question, evaluations: Evaluations) -> str:
    trials = len(asked.cells) * len(asked.grid.seeds)
    ways = ["a longer --total", "fewer --seeds or components"]
    if asked.grid.evaluation_settings.share is None:
        ways.append("--set evaluation.share=0.2 for fewer samples and ticks")
    assert asked.total is not None
    return (
        f"--total {duration(asked.total)} is too short for {counted(trials, 'trial')}: of the "
        f"{duration(asked.left)} that are left after loading data and features, one trial's "
        f"evaluations take {duration(evaluations.seconds)}; ways out: {', '.join(ways)}"
    )


def _asked(grid: Grid, total: float | None) -> dict[str, Any]:
    """What a plan depends on. Components and seeds may be added to a planned run."""
    return {
        "total": total,
        "budget": grid.budget.as_dict(),
        "training": dict(grid.training),
        "evaluation": dict(grid.evaluation),
    }


def _read(path: Path, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """The plan in a folder, if it answers the same question."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["asked"] != json.loads(json.dumps(asked)):
            return None
        return {"budget": found["budget"], "evaluation": found["evaluation"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
