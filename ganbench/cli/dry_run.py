"""``ganbench run --dry-run``: what a run would do in its folder, its checks, and its time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganbench.base.errors import UsageError
from ganbench.base.paths import cache_root
from ganbench.base.text import clock, counted
from ganbench.cli.text import columns, echo_json, say
from ganbench.execution.machine_use import use_of_machine, workload
from ganbench.execution.placement import choose_device, place
from ganbench.execution.run_options import RunOptions
from ganbench.execution.standing import PLACES, Standing, standing
from ganbench.execution.total.deadline import Deadline
from ganbench.execution.total.plan_in_time import asks_for_plan, plan_in_time
from ganbench.grid.auto_extractor import as_begun, resolved
from ganbench.grid.cell import Cell, Trial
from ganbench.grid.grid import Grid
from ganbench.grid.plan import Plan, expand
from ganbench.grid.recognition import recognized
from ganbench.grid.settings import replicas_of
from ganbench.registry.guard import quiet_stdout
from ganbench.store.run_folder import RunFolder

if TYPE_CHECKING:
    import torch

    from ganbench.execution.estimate import Estimate
    from ganbench.execution.preflight import Preflight


@dataclass(frozen=True)
class Forecast:
    """What a run would do.

    :ivar trials: of the plan, under their names in the folder.
    :ivar jobs: trials at a time.
    :ivar left: by trial, the share of its budget that is left to train, 0 to 1.
    :ivar use: what the run uses of this machine, in a sentence; empty if nothing is left to train.
    """

    plan: Plan
    folder: RunFolder
    trials: list[Trial]
    standing: Standing
    checks: Preflight
    training: Estimate
    device: torch.device
    jobs: int
    left: Mapping[str, float]
    use: str = ""

    def of_cell(self, cell: Cell) -> list[Trial]:
        return [trial for trial in self.trials if trial.cell is cell]

    def seconds(self, trial: Trial) -> float:
        """Of training and evaluation that a trial still needs."""
        whole = self.training.of_cells.get(trial.cell.id, 0.0)
        return (whole + self.checks.evaluation_of(trial.cell)) * self.left[trial.id]

    def together(self) -> float:
        """Seconds of the whole run: no less than its longest trial."""
        each = [self.seconds(trial) for trial in self.standing.missing]
        return max(sum(each) / self.jobs, *each) if each else 0.0


def show_dry_run(
    grid: Grid, folder: RunFolder, root: Path, options: RunOptions, as_json: bool
) -> int:
    """Print what a run would do; the exit code.

    :raises UsageError: for whatever would stop the run before it trains.
    """
    folder.check()
    with quiet_stdout():
        found = _forecast(grid, folder, root, options)
    problems = "; ".join(found.checks.problems)
    if as_json or not problems:
        (_document if as_json else _lines)(found)
    if problems:
        raise UsageError(f"the run would stop before it trains: {problems}")
    return 0 if found.plan.runnable else 5


def _forecast(grid: Grid, folder: RunFolder, root: Path, options: RunOptions) -> Forecast:
    import torch

    from ganbench.execution.estimate import estimate
    from ganbench.execution.preflight import preflight
    from ganbench.execution.supervise.callbacks import resolve_callbacks

    device = choose_device(options.device)
    resolve_callbacks(options.callbacks)
    chosen = resolved(as_begun(grid, folder), root, cache_root(), _say)
    if asks_for_plan(chosen, options):
        deadline = Deadline.after(options.total)
        chosen = plan_in_time(chosen, folder, root, options, deadline, _say, keep=False)
    plan = expand(chosen, root)
    trials = recognized(list(plan.trials()), folder)
    stand = standing(folder, trials, options)
    missing = stand.missing
    work = workload(trials, missing)
    placement = place(device, options, replicas_of(grid.as_dict()), work)
    if device.type == "cpu":
        torch.set_num_threads(options.threads or 1)
    checks = preflight((trial.cell for trial in missing), root, device, _say)
    guess = estimate(missing, device, placement.threads)
    left = {trial.id: _left(trial, folder, stand) for trial in missing}
    jobs = min(len(placement.slots), max(1, len(missing)))
    use = use_of_machine(placement, options, len(missing)) if missing else ""
    return Forecast(plan, folder, trials, stand, checks, guess, device, jobs, left, use)


def _left(trial: Trial, folder: RunFolder, stand: Standing) -> float:
    """The share of its budget that a trial has left."""
    begun = (
        trial.id if stand.places[trial.id] == "goes on" else stand.extensions.bases.get(trial.id)
    )
    if begun is None:
        return 1.0
    history, budget = folder.trial(begun).read_history(), trial.cell.budget
    column = "train_seconds" if budget.unit == "seconds" else budget.unit
    spent = (history[-1].get(column) if history else None) or 0.0
    return max(0.0, 1.0 - spent / budget.amount)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _document(found: Forecast) -> None:
    plan, stand = found.plan, found.standing
    measured = found.training.measured
    echo_json(
        {
            "cells": len(plan.cells),
            "trials": len(plan.runnable) * len(plan.grid.seeds),
            "seeds": list(plan.grid.seeds),
            "budget": plan.grid.budget.as_dict(),
            "device": str(found.device),
            "jobs": found.jobs,
            "uses": found.use or None,
            "folder": str(found.folder.path),
            **{place.replace(" ", "_"): stand.counts(found.trials)[place] for place in PLACES},
            "estimated_seconds": found.together() if measured or not stand.missing else None,
            "evaluation_seconds": found.checks.seconds,
            "runnable": [dict(cell.columns) for cell in plan.runnable],
            "skipped": [cell.columns | {"reason": cell.reason} for cell in plan.skipped],
            "to_do": [_cell_record(found, cell) for cell in plan.runnable],
            "checked": found.checks.checked,
            "notes": [*found.checks.notes, *found.training.notes, *stand.notices()],
            "problems": found.checks.problems,
        }
    )


def _cell_record(found: Forecast, cell: Cell) -> dict[str, Any]:
    own = found.of_cell(cell)
    counts = found.standing.counts(own)
    seconds = sum(found.seconds(trial) for trial in own if trial.id in found.left)
    known = found.training.measured or not any(trial.id in found.left for trial in own)
    return {
        **cell.columns,
        **{place.replace(" ", "_"): counts[place] for place in PLACES},
        "estimated_seconds": seconds if known else None,
    }


def _lines(found: Forecast) -> None:
    plan, seeds = found.plan, found.plan.grid.seeds
    runnable, skipped = plan.runnable, plan.skipped
    if runnable:
        head = (*runnable[0].columns, "trials", "time")
        click.echo("\n".join(columns([head, *(_row(found, cell) for cell in runnable)])))
    for cell in skipped:
        say(f"skipped: {cell.label}: {cell.reason}")
    say(
        f"{counted(len(runnable), 'cell')} x {counted(len(seeds), 'seed')} = "
        f"{counted(len(runnable) * len(seeds), 'trial')} of {plan.grid.budget}, "
        f"{counted(len(skipped), 'cell')} skipped"
    )
    notes = (*found.checks.notes, *found.training.notes)
    for line in (*_in_folder(found), *found.checks.checked, *notes, *_time(found)):
        say(line)


def _row(found: Forecast, cell: Cell) -> tuple[str, ...]:
    record = _cell_record(found, cell)
    seconds = record["estimated_seconds"]
    time = "–" if seconds is None else clock(seconds)
    return (*cell.shown.values(), _counts(found.standing.counts(found.of_cell(cell))), time)


def _counts(counts: Mapping[Any, int]) -> str:
    """``2 done, 1 goes on, 2 new``."""
    return ", ".join(f"{counts[place]} {place}" for place in PLACES if counts[place])


def _in_folder(found: Forecast) -> Iterator[str]:
    if found.folder.trials_dir.is_dir():
        yield f"in {found.folder.path}: {_counts(found.standing.counts(found.trials)) or 'nothing'}"
    yield from found.standing.notices()


def _time(found: Forecast) -> Iterator[str]:
    guess, checks, jobs = found.training, found.checks, found.jobs
    missing = found.standing.missing
    if not missing:
        if found.plan.runnable:
            yield "every trial is done; the run would train nothing"
        return
    if not guess.measured:
        yield "the time cannot be estimated: no step of any cell could be timed"
        return
    training = sum(guess.of_cells.get(t.cell.id, 0.0) * found.left[t.id] for t in missing)
    yield found.use
    at_a_time = f", {jobs} trials at a time" if jobs > 1 else ""
    yield (
        f"about {clock(training / jobs)} of training on {found.device}{at_a_time}, from timing "
        f"{guess.measured} of {guess.kinds} kinds of step"
    )
    if checks.seconds is None:
        yield "evaluation comes on top; it could not be timed"
        return
    whole = sum(checks.evaluation_of(t.cell) * found.left[t.id] for t in missing)
    yield (
        f"about {clock(whole / jobs)} of evaluation, from one evaluation of "
        f"{checks.samples:,} samples in {checks.seconds:.1f} s"
    )
    yield f"about {clock(found.together())} in all for {counted(len(missing), 'trial')}"
