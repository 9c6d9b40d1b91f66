"""The main findings as plain sentences: no more than the intervals carry."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ganbench.components.column import Column
from ganbench.errors import UsageError
from ganbench.report.embed import shortened
from ganbench.report.facts import counts
from ganbench.results.comparability import EVALUATION, MixedSettingsError
from ganbench.results.formatting import plain
from ganbench.results.metrics import higher_is_better
from ganbench.results.primary import primaries, primary_in
from ganbench.results.ranking import rank
from ganbench.results.schema import FAILURES
from ganbench.results.selection import DIFFERS, in_cells, known_of, twins
from ganbench.results.statistics.intervals import LEAST_SEEDS
from ganbench.results.summary import outcomes
from ganbench.results.verdicts import too_few
from ganbench.results.view import KIND, TITLE, View, cell_label

if TYPE_CHECKING:
    import pandas as pd

_MOST_NAMED = 4
_RANKED = {
    "architecture": "Architectures",
    "loss": "Losses",
    "regularizer": "Regularizers",
    "augmentation": "Augmentations",
}


def findings(results: pd.DataFrame, view: View) -> list[str]:
    """Sentences for the head of the page.

    :param view: the readable cells with all columns, of which the best are marked.
    """
    return [*_best_cells(view), *_rankings(results), *_troubles(results)]


def _best_cells(view: View) -> Iterator[str]:
    frame = view.frame
    marks = {column.name: column.best for column in view.columns}
    known, called = known_of(frame), twins(frame)
    for _, rows in frame.groupby(KIND, sort=False) if len(frame) else ():
        metric = _metric(frame, rows)
        metric = called.get(metric, metric)
        if metric not in marks or not frame[metric].notna().any():
            continue
        column = known.named(metric)
        ended = rows[rows[metric].map(math.isfinite)]
        title = shortened(rows[TITLE].iloc[0], 80)
        if not len(ended):
            yield f"{title}: no cell has a finite median."
            continue
        first = ended[metric].idxmax() if higher_is_better(column) else ended[metric].idxmin()
        peers = [index for index in ended.index if marks[metric][index] and index != first]
        small = bool((rows["n"] < LEAST_SEEDS).any())
        yield f"{title}: {_sentence(view, column, first, peers, len(rows), small)}"


def _metric(frame: pd.DataFrame, rows: pd.DataFrame) -> str:
    """The column of the primary metric of some cells."""
    primary = primaries(frame)[0]
    if EVALUATION in rows:
        primary = primary_in(rows[EVALUATION].iloc[0])
    return in_cells(frame, primary)


def _rankings(results: pd.DataFrame) -> Iterator[str]:
    """What the components of each kind that has several come to, in paired comparisons."""
    ended = results[results["status"] == "ok"]
    measured = [p for p in primaries(results) if p in ended and ended[p].notna().any()]
    for metric, (axis, name) in itertools.product(measured, _RANKED.items()):
        if results[axis].nunique() < 2:
            continue
        try:
            told = rank(results, axis, metric).attrs["claim"]
        except MixedSettingsError as error:
            yield f"{name} are not ranked: {error}."
            continue
        except UsageError:  # nothing that all of them share
            continue
        yield f"{name}: {told[:1].lower()}{told[1:]}"


def _sentence(
    view: View, column: Column, first: Any, peers: Sequence[Any], count: int, small: bool
) -> str:
    """What is the best of some cells, and what is not told from it.

    :param small: whether there are cells of too few seeds to be told from others.
    """
    best, metric = view.frame.loc[first], column.name
    most = "highest" if higher_is_better(column) else "lowest"
    name = metric.removesuffix("_median")
    number = f"median {name} {_shown(best[metric])}{_interval(best, name)}"
    start = _named(best)
    if count == 1:
        return f"{start} has a {number} over {_seeds(best)}."
    others = [_named(view.frame.loc[index]) for index in peers]
    if _interval(best, name) == "":
        return (
            f"{start} has the {most} {number} over {_seeds(best)} among {count} cells; "
            f"{too_few(min(int(best['n']), LEAST_SEEDS - 1))}."
        )
    if not others:
        those = f" of those with at least {LEAST_SEEDS} seeds" if small else ""
        return (
            f"{start} has the {most} {number} over {_seeds(best)}; the next cell{those} is told apart "
            "from it."
        )
    listed = ", ".join(others[:_MOST_NAMED])
    more = len(others) - _MOST_NAMED
    listed += f" and {more} more" if more > 0 else ""
    verb = "is" if len(others) == 1 else "are"
    return (
        f"{start} has the {most} {number} over {_seeds(best)}; "
        f"{listed} {verb} next to it and not told apart from it."
    )


def _troubles(results: pd.DataFrame) -> Iterator[str]:
    ended = results[
        ~results["status"].isin(["skipped", "interrupted"])
    ]  # numerators are of these, too
    found, tried = counts(ended), len(ended)
    failed = sum(found.get(status, 0) for status in FAILURES)
    diverged = found.get("diverged", 0)
    if diverged or failed:
        parts = [f"{diverged} diverged"] * bool(diverged) + [f"{failed} failed"] * bool(failed)
        yield (
            f"Of {tried} trials, {' and '.join(parts)}; they count as the worst there is "
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


def _interval(line: pd.Series[Any], name: str) -> str:
    low, high = (line.get(f"{name}_{end}", math.nan) for end in ("low", "high"))
    if _missing(low) or _missing(high):
        return ""
    return f" (95 % interval {_shown(low)} to {_shown(high)})"


def _missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))


def _shown(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:.4g}"


def _seeds(line: pd.Series[Any]) -> str:
    return f"{int(line['n'])} seed{'s' if line['n'] != 1 else ''}"


def _named(line: pd.Series[Any]) -> str:
    specs = ("architecture", "loss", "regularizer", "augmentation")
    settings = line.get(DIFFERS)
    told = "" if settings is None or _missing(settings) else f" ({plain(settings)})"
    return shortened(cell_label(line[name] for name in specs) + told, 80)
