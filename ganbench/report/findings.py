"""The main findings as plain sentences: they claim no more than the intervals support."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from ganbench.analysis.comparability import MixedSettingsError, cell_label
from ganbench.analysis.ranking import Ranking, rank
from ganbench.analysis.statistics.intervals import LEAST_SEEDS
from ganbench.analysis.summary import outcomes
from ganbench.base.errors import UsageError
from ganbench.base.text import plain
from ganbench.components.column import Column
from ganbench.present.footnotes import no_results, too_few, weak_features
from ganbench.present.ranking_frame import claim as claim_of
from ganbench.present.results_view import KIND, TITLE
from ganbench.present.selection import DIFFERS, in_cells, known_of, primary_columns
from ganbench.present.view import View
from ganbench.report.data.parts import COMPARED
from ganbench.report.embed import shortened
from ganbench.report.run_facts import NAMES, counts
from ganbench.store.primary import primaries, primary_in
from ganbench.store.schema import EVALUATION, FAILURES

_MOST_NAMED = 4


def findings(results: pd.DataFrame, newest: pd.DataFrame, view: View) -> list[str]:
    """Sentences for the head of the page.

    :param newest: the results of each cell at its largest budget; rankings compare at equal ones.
    :param view: the readable cells with all columns, the best cells marked.
    """
    return [*_best_cells(view), *_rankings(results, view), *_troubles(newest)]


def _best_cells(view: View) -> Iterator[str]:
    frame = view.frame
    marks = {column.name: column.best for column in view.columns}
    known, called, first_primary = known_of(frame), primary_columns(frame), primaries(frame)[0]
    for _, rows in frame.groupby(KIND, sort=False) if len(frame) else ():
        primary = primary_in(rows[EVALUATION].iloc[0]) if EVALUATION in rows else first_primary
        metric = in_cells(frame, primary)
        metric = called.get(metric, metric)
        if metric not in marks or not frame[metric].notna().any():
            continue
        column = known.named(metric)
        ended = rows[rows[metric].map(math.isfinite)]
        title = shortened(rows[TITLE].iloc[0], 80)
        if not len(ended):
            yield f"{title}: no cell has a finite median."
            continue
        first = ended[metric].idxmax() if column.better == "higher" else ended[metric].idxmin()
        peers = [index for index in ended.index if marks[metric][index] and index != first]
        small = bool((rows["n"] < LEAST_SEEDS).any())
        yield f"{title}: {_sentence(view, column, first, peers, len(rows), small)}"


def _rankings(results: pd.DataFrame, view: View) -> Iterator[str]:
    """The claims of paired comparisons about each kind with several components.

    Where the components are the cells, the sentence on the best cells says it, by the rule of the bold
    numbers; a second test would contradict it now and then.
    """
    ended = results[results["status"] == "ok"]
    measured = [p for p in primaries(results) if p in ended and ended[p].notna().any()]
    for metric, axis in itertools.product(measured, COMPARED):
        name = NAMES[axis]
        if results[axis].nunique() < 2:
            continue
        try:
            found = rank(results, axis, metric)
        except MixedSettingsError as error:
            yield f"{name} are not ranked: {error}."
            continue
        except UsageError:  # they share no context
            continue
        alike = view.frame[KIND].nunique() == 1  # else cells have budgets of their own, or data
        if found.tested and alike and len(found.components) == len(view.frame):
            continue
        claim = claim_of(found)
        yield f"{name}: {claim[:1].lower()}{claim[1:]}{_cell_by_cell(found, view)}"


def _cell_by_cell(found: Ranking, view: View) -> str:
    """That the average is not told of single cells, where a bold cell has a component that lost."""
    others = {one.name for one in found.components if not one.tied}
    metric = in_cells(view.frame, found.metric)
    marks = next((column.best for column in view.columns if column.name == metric), [])
    if not others.intersection(view.frame[found.axis][marks] if any(marks) else ()):
        return ""
    return " That is the average; of single cells, the data do not tell the bold ones apart."


def _sentence(
    view: View, column: Column, first: Any, peers: Sequence[Any], count: int, small: bool
) -> str:
    """The best of some cells, and the cells that cannot be told apart from it.

    :param small: whether some cells have too few seeds to be told apart from others.
    """
    best, metric = view.frame.loc[first], column.name
    most = "highest" if column.better == "higher" else "lowest"
    name = metric.removesuffix("_median")
    low, high = (best.get(f"{name}_{end}", math.nan) for end in ("low", "high"))
    bounded = not (pd.isna(low) or pd.isna(high))
    interval = f" (95 % interval {_shown(low)} to {_shown(high)})" if bounded else ""
    number = f"median {name} {_shown(best[metric])}{interval}"
    seeds = f"{int(best['n'])} seed{'s' if best['n'] != 1 else ''}"
    start = f"{_named(best)} has"
    if count == 1:
        return f"{start} a {number} over {seeds}."
    start = f"{start} the {most} {number} over {seeds}"
    if not bounded:
        return f"{start} among {count} cells; {too_few(min(int(best['n']), LEAST_SEEDS - 1))}."
    if not peers:
        those = f" of those with at least {LEAST_SEEDS} seeds" if small else ""
        return f"{start}; the next cell{those} is told apart from it."
    others = [_named(view.frame.loc[index]) for index in peers]
    more = len(others) - _MOST_NAMED
    listed = ", ".join(others[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    verb = "is" if len(others) == 1 else "are"
    return f"{start}; {listed} {verb} next to it and not told apart from it."


def _troubles(results: pd.DataFrame) -> Iterator[str]:
    ended = results[~results["status"].isin(["skipped", "interrupted"])]
    found, tried = counts(ended), len(ended)
    failed = sum(found.get(status, 0) for status in FAILURES)
    diverged = found.get("diverged", 0)
    if diverged or failed:
        parts = [f"{diverged} diverged"] * bool(diverged) + [f"{failed} failed"] * bool(failed)
        yield (
            f"Of {tried} trials, {' and '.join(parts)}; they count as the worst "
            "and stay in the denominator."
        )
    learned = outcomes(ended).value_counts()
    for verdict, words in (
        ("collapsed", "lost modes (collapsed)"),
        ("degraded", "ended more than 1.5 times worse than their best (degraded)"),
        ("never-learned", "hardly improved on their start (never learned)"),
    ):
        count = int(learned.get(verdict, 0))
        if count:
            yield f"{count} of {tried} trials {words}."
    yield from (f"{sentence}." for sentence in (*no_results(ended), *weak_features(ended)))


def _shown(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.4g}"


def _named(line: pd.Series[Any]) -> str:
    settings = line.get(DIFFERS)
    differs = "" if settings is None or pd.isna(settings) else f" ({plain(settings)})"
    return shortened(cell_label(line[name] for name in COMPARED) + differs, 80)
