"""Finished trials of a smaller budget that larger trials can go on from, or why they cannot.

A trial goes on where that gives the bits of a fresh run: the smaller trial has to be its beginning.
So nothing may depend on the share of the budget that is used, and every evaluation of the smaller
trial has to be one of the larger trial.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganbench.base.text import counted, first_of
from ganbench.evaluation.timeline_ticks import is_kept
from ganbench.grid.budget import UNITS, Budget
from ganbench.grid.cell import Trial
from ganbench.grid.recognition import changes
from ganbench.registry.sources import changed_sources
from ganbench.store.run_folder import RunFolder
from ganbench.training.schedule import Schedule

#: What may differ from the smaller trial.
_BUDGET = {*(f"budget.{unit}" for unit in UNITS), "evaluation.ticks"}
_NAMED = 3


@dataclass
class Extensions:
    """What trials can go on from.

    :ivar bases: by the id of a larger trial, the id of the smaller one.
    :ivar reasons: why others cannot, with their ids.
    """

    bases: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)

    def notices(self) -> Iterator[str]:
        """Sentences for a person."""
        if self.bases:
            yield (
                f"{counted(len(self.bases), 'trial')} of a larger budget will go on from finished "
                f"trials, whose rows stay: {first_of([*self.bases.values()], _NAMED)}"
            )
        for reason, trials in self.reasons.items():
            yield f"--extend: {counted(len(trials), 'trial')} will begin at the start: {reason}"


def extensions(folder: RunFolder, trials: Sequence[Trial]) -> Extensions:
    """Find for each trial the finished trial with the largest budget that it can go on from.

    :param trials: those that have not begun.
    """
    found = Extensions()
    own = {trial.id for trial in trials}
    finished = [
        (place.id, record)
        for place in folder.trials()
        if place.id not in own
        and (place.read_row() or {}).get("status") == "ok"
        and (record := place.read_identity()) is not None
    ]
    for trial in trials:
        smaller = [(name, record) for name, record in finished if _is_smaller(record, trial)]
        smaller.sort(key=lambda pair: _steps(pair[1], trial), reverse=True)
        refused = []
        for name, record in smaller:
            reason = why_not(record, trial)
            if reason is None:
                found.bases[trial.id] = name
                break
            refused.append(reason)
        if refused and trial.id not in found.bases:
            found.reasons.setdefault(refused[0], []).append(trial.id)
    return found


def why_not(record: Mapping[str, Any], trial: Trial) -> str | None:
    """Why a trial cannot go on from a smaller one; None if it can.

    :param record: the smaller trial's trial.json.
    """
    cell = trial.cell
    then, now = _schedule(record, trial), _schedule_of(trial)
    if now.total_steps is None or then.total_steps is None:
        return "a budget in seconds buys other steps in every run; use images or steps"
    edited = changed_sources(record.get("sources"), cell.sources)
    if edited:
        return f"{', '.join(edited)} was edited since"
    if cell.training.settings.replicas > 1:
        return "its replicas have a state of their own (training.replicas)"
    schedule = cell.training.component("lr_decay")
    if schedule.component.follows_budget:
        return f"its learning rates follow the budget (training.lr_decay={schedule.spec})"
    following = [c.spec for c in _trained(trial) if c.component.follows_budget]
    if following:
        return f"{', '.join(following)} follows the share of the budget that is used"
    return other_ticks(then, now, trial)


def other_ticks(then: Schedule, now: Schedule, trial: Trial) -> str | None:
    """Why the evaluations of the smaller trial are not the first ones of the larger trial."""
    assert then.total_steps is not None
    assert now.total_steps is not None
    before, after = then.steps_of_ticks(), now.steps_of_ticks()
    if after[: len(before)] != before:
        number = next(n for n, step in enumerate(before) if after[n : n + 1] != [step])
        there = f"after {after[number]}" if number < len(after) else "not at all"
        return (
            f"the smaller trial is evaluated at tick {number} after {before[number]} of its "
            f"{then.total_steps} steps, and this one {there} of its {now.total_steps}; "
            f"{_way_out(then, now, trial)}"
        )
    if not _frames_there(then, now.ticks):
        return (
            f"its progress.png shows ticks that the smaller one lacks; {_way_out(then, now, trial)}"
        )
    return None


def _frames_there(then: Schedule, ticks: int) -> bool:
    """Whether the smaller trial has the frames that a trial of so many ticks shows until then."""
    kept = (tick for tick in range(then.ticks + 1) if is_kept(tick, ticks))
    return all(is_kept(tick, then.ticks) for tick in kept)


def _way_out(then: Schedule, now: Schedule, trial: Trial) -> str:
    """The nearest budget whose trial goes on: the smaller trial's steps and ticks, several times."""
    assert then.total_steps is not None
    assert now.total_steps is not None
    least = max(2, round(now.total_steps / then.total_steps))
    times = next(n for n in itertools.count(least) if _frames_there(then, n * then.ticks))
    steps, images = times * then.total_steps, trial.cell.budget.unit == "images"
    budget = Budget("images", steps * _images_per_step(trial)) if images else Budget("steps", steps)
    return f"way out: --budget {budget} --set evaluation.ticks={times * then.ticks}"


def _is_smaller(record: Mapping[str, Any], trial: Trial) -> bool:
    """Whether a finished trial is the same but for a smaller budget and its ticks."""
    if record.get("seed") != trial.seed:
        return False
    paths = {text.partition(" was ")[0] for text in changes(record, trial)}
    if not paths & _BUDGET or paths - _BUDGET:
        return False
    total = _schedule_of(trial).total_steps
    return total is None or _steps(record, trial) < total


def _steps(record: Mapping[str, Any], trial: Trial) -> int:
    return _schedule(record, trial).total_steps or 0


def _schedule(record: Mapping[str, Any], trial: Trial) -> Schedule:
    """The schedule of a smaller trial, whose settings are those of the larger one."""
    ((unit, amount),) = record["budget"].items()
    ticks = record["evaluation"]["ticks"]
    return Schedule(Budget(unit, amount), ticks, _images_per_step(trial))


def _schedule_of(trial: Trial) -> Schedule:
    cell = trial.cell
    return Schedule(cell.budget, cell.evaluation.ticks, _images_per_step(trial))


def _images_per_step(trial: Trial) -> int:
    settings = trial.cell.training.settings
    return settings.batch_size * settings.d_steps


def _trained(trial: Trial) -> Iterator[Any]:
    """The components that take part in the steps."""
    cell = trial.cell
    yield from (cell.architecture, cell.loss, *cell.regularizers, *cell.augmentations)
    yield from (cell.training.component(name) for name in ("g_optimizer", "d_optimizer"))
