"""Carry the rounds out: train, rank, and give the time of those behind to the others."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ganbench.base.text import counted, duration
from ganbench.execution.progress.listener import SaidOnce
from ganbench.execution.progress.live_display import make_progress
from ganbench.execution.run import execute
from ganbench.execution.run_options import RunOptions
from ganbench.execution.run_result import RunResult
from ganbench.execution.total.deadline import Deadline
from ganbench.fit.candidates import Candidate, grid_of, is_of, name_of
from ganbench.fit.choose import cell_of
from ganbench.fit.halving import Cost, next_multiple, rounds
from ganbench.fit.record import FitRecord, Round
from ganbench.grid.plan import Plan, expand
from ganbench.registry.guard import quiet_stdout
from ganbench.store.frames import read_results
from ganbench.store.primary import PRIMARY
from ganbench.store.run_folder import RunFolder

Say = Callable[[str], None]
#: Part of a trial's time for steps and evaluation that its surroundings take at the least.
_AROUND = 2.0


@dataclass(frozen=True)
class Standing:
    """A candidate after a round.

    :ivar place: in `FitRecord.cells`.
    :ivar values: the primary metric of each seed; infinite for a trial that is no result.
    :ivar note: why one of its trials is no result; empty if all are.
    :ivar measured: the best value that was measured, also of a trial that is no result.
    """

    place: int
    values: Mapping[int, float]
    note: str = ""
    measured: float = math.inf

    @property
    def middle(self) -> float:
        """The median over seeds."""
        ordered = sorted(self.values.values())
        count = len(ordered)
        if not count:
            return math.inf
        return (ordered[(count - 1) // 2] + ordered[count // 2]) / 2


class Search:
    """The rounds of a fit.

    :param record: with the rounds so far; each further one is written down.
    :param deadline: when the rounds have to be over.
    """

    def __init__(
        self,
        record: FitRecord,
        folder: RunFolder,
        root: Path,
        options: RunOptions,
        slots: int,
        deadline: Deadline,
        say: Say,
        quiet: bool,
    ) -> None:
        self.record, self._folder, self._root = record, folder, root
        self._options, self._slots = options, slots
        self._deadline, self._say, self._quiet = deadline, say, quiet
        self.interrupted = False
        self._heard: set[str] = set()

    def run(self) -> None:
        """Carry rounds out until the time is over, or nothing more fits."""
        while (following := self._next()) is not None:
            if not self.record.rounds or self.record.rounds[-1] is not following:
                self.record.rounds.append(following)
            self.record.save(self._folder.path)
            if not self._carry_out(following):
                return

    def standings(self, number: int) -> list[Standing]:
        """The candidates of a round, the best first."""
        round_ = self.record.rounds[number]
        return ranked(self._rows(round_), round_, self.record)

    def _next(self) -> Round | None:
        """The round to carry out: one that was interrupted, or the one after the last."""
        done = self.record.rounds
        if not done:
            return Round(list(range(len(self.record.cells))), 1)
        last = done[-1]
        if not last.ended:
            return last
        standing = ranked(self._rows(last), last, self.record)
        counts = rounds(len(self.record.cells))
        left = counts[len(done)] if len(done) < len(counts) else min(2, len(last.cells))
        kept = sorted(one.place for one in standing[:left])
        costs = [self._cost(place, last) for place in kept]
        final = left <= counts[-1]
        multiple = next_multiple(
            costs, self.record.start, last.multiple, self._slots, self._deadline.left, final
        )
        return None if multiple is None else Round(kept, multiple)

    def _cost(self, place: int, last: Round) -> Cost:
        """A candidate's cost as its trials of the last round had it."""
        rows = self._rows(last)
        name = self.record.cells[place]
        own = _of(rows, name)
        own = own[(own["status"] == "ok") & (own["steps"] > 0)]
        planned = self.record.costs[place]
        if not len(own):
            return planned
        step = float((own["train_seconds"] / own["steps"]).median())
        passes = self.record.start.ticks * last.multiple + 2
        tick = float((own["eval_seconds"] / passes).median())
        return Cost(step, tick, planned.end - 2 * planned.tick + 2 * tick)

    def _carry_out(self, round_: Round) -> bool:
        """Train a round's trials; False if it was stopped."""
        plan = self._plan(round_)
        images = self._images(round_)
        number = self.record.rounds.index(round_) + 1
        self._say(
            f"round {number}: {counted(len(round_.cells), 'cell')} x "
            f"{counted(self.record.start.seeds, 'seed')}, {images:,} images each; "
            f"{duration(self._deadline.left)} left"
        )
        shown = SaidOnce(make_progress(self._quiet), self._heard)
        with contextlib.closing(shown) as progress, quiet_stdout():
            result: RunResult = execute(
                plan.grid,
                self._folder,
                self._root,
                self._options,
                progress,
                plan,
                self._deadline,
            )
        round_.trials = [trial.id for trial in plan.trials()]
        if result.interrupted:
            self.interrupted = not result.out_of_time
            self.record.save(self._folder.path)
            return False
        round_.trials, round_.ended = list(result.results["trial"]), True
        self.record.save(self._folder.path)
        for one in ranked(result.results, round_, self.record):
            self._say(f"  {self._named(one.place)}: {self._value(one)}")
        return True

    def _plan(self, round_: Round) -> Plan:
        record, begun = self.record, self.record.start
        chosen = [record.cells[place] for place in round_.cells]
        budget = {"steps": begun.steps * round_.multiple}
        evaluation = dict(record.evaluation) | {"ticks": begun.ticks * round_.multiple}
        grid = grid_of(chosen, record.dataset, record.training, evaluation, budget, begun.seeds)
        grid = replace(grid, names={record.dataset: Path(record.images).name})
        with quiet_stdout():
            cells = expand(grid, self._root).cells
        return Plan(grid, tuple(cell_of(cells, one) for one in chosen))

    def _images(self, round_: Round) -> int:
        return int(self.record.start.steps * round_.multiple * self.record.training["batch_size"])

    def _rows(self, round_: Round) -> pd.DataFrame:
        return rows_of(self._folder, round_)

    def _named(self, place: int) -> str:
        return name_of(self.record.cells[place])

    def _value(self, one: Standing) -> str:
        if math.isinf(one.middle):
            return f"no result ({one.note})"
        values = ", ".join(f"{value:.4g}" for value in one.values.values())
        return f"{PRIMARY} {values}" + (f" ({one.note})" if one.note else "")


def rows_of(folder: RunFolder, round_: Round) -> pd.DataFrame:
    """The rows of a round's trials."""
    frame = read_results(folder.path).frame
    return frame[frame["trial"].isin(round_.trials)]


def ranked(rows: pd.DataFrame, round_: Round, record: FitRecord) -> list[Standing]:
    """A round's candidates by the median of their seeds, the best first."""
    found = []
    for place in round_.cells:
        own = _of(rows, record.cells[place])
        values, notes = {}, []
        for row in own.to_dict("records"):
            value, note = _result(row)
            values[int(row["seed"])] = value
            notes += [note] if note else []
        measured = float(own[PRIMARY].min()) if own[PRIMARY].notna().any() else math.inf
        found.append(Standing(place, values, next(iter(notes), ""), measured))
    return sorted(found, key=lambda one: (one.middle, one.measured))


def _result(row: Mapping[Any, Any]) -> tuple[float, str]:
    """The value of a trial, infinite with a reason where it is no result."""
    note = row.get("samples_note")
    if row["status"] != "ok":
        return math.inf, str(row["status"])
    if isinstance(note, str):
        return math.inf, note
    value = float(row[PRIMARY])
    return (value, "") if math.isfinite(value) else (math.inf, "no distance")


def _of(rows: pd.DataFrame, candidate: Candidate) -> pd.DataFrame:
    """The rows of a candidate."""
    return rows[[is_of(row, candidate) for row in rows.to_dict("records")]]
