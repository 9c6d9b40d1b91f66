"""What a report shows, gathered from a run folder: plain values for the template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganbench.report.facts import facts, grid_text
from ganbench.report.figures.base import Figure
from ganbench.report.figures.curves import curve_figures
from ganbench.report.figures.heatmap import heat_figures
from ganbench.report.figures.pareto import pareto_figures
from ganbench.report.figures.profiles import score_figures, time_figures
from ganbench.report.figures.stability import stability_figures
from ganbench.report.findings import findings
from ganbench.report.galleries import Gallery, film_ticks, galleries, has_neighbours
from ganbench.report.tables import Table, cell_table, trial_table, whole_view
from ganbench.results.formatting import plain
from ganbench.results.frames import read_history, read_results
from ganbench.results.store import RunFolder
from ganbench.results.summary import by_cell
from ganbench.results.view import Note, failures, skipped

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Chapter:
    """A section of figures.

    :ivar anchor: its id in the page.
    :ivar intro: how to read them, as a sentence or two.
    """

    anchor: str
    title: str
    intro: str
    figures: list[Figure]


@dataclass(frozen=True)
class Report:
    """Everything that the template draws."""

    title: str
    findings: list[str]
    facts: list[tuple[str, str]]
    grid: str
    cells: Table
    trials: Table
    captions: list[str]
    chapters: list[Chapter]
    galleries: list[Gallery]
    ticks: list[int]
    neighbours: bool
    failures: list[Note]
    skipped: list[Note]
    problems: list[str]

    @property
    def figures(self) -> list[Figure]:
        """All figures, in the order of the page."""
        return [figure for chapter in self.chapters for figure in chapter.figures]


def gather(path: str | Path) -> Report:
    """The report of a run; raises UsageError if there is no run at ``path``."""
    run = RunFolder(path).open()
    found, history = read_results(path), read_history(path)
    results = found.frame
    summary = by_cell(results)
    cells, trials = whole_view(results, summary), whole_view(results)
    anchors = {trial: f"trial-{number}" for number, trial in enumerate(trials.frame["trial"])}
    problems = [*dict.fromkeys([*found.problems, *history.problems])]
    pictures = galleries(run, results, history.frame, anchors, problems)
    shown = {p.anchor for gallery in pictures for p in gallery.pictures}
    return Report(
        title=plain(run.path.resolve().name),
        findings=findings(results, cells),
        facts=list(facts(run, results)),
        grid=grid_text(run),
        cells=cell_table(cells, summary),
        trials=trial_table(
            trials, results, {trial: anchor for trial, anchor in anchors.items() if anchor in shown}
        ),
        captions=[*cells.captions, *filter(None, [cells.marks])],
        chapters=_chapters(results, history.frame),
        galleries=pictures,
        ticks=film_ticks(pictures),
        neighbours=has_neighbours(pictures),
        failures=failures(results),
        skipped=skipped(results),
        problems=[plain(problem) for problem in problems],
    )


def _chapters(results: pd.DataFrame, history: pd.DataFrame) -> list[Chapter]:
    """Those that have a figure."""
    drawn: list[tuple[str, str, str, Callable[[], list[Figure]]]] = [
        (
            "heat-maps",
            "Heat maps",
            "Architectures against losses: the median over seeds, dark for the best. A field that "
            "failed or was skipped says so.",
            lambda: heat_figures(results),
        ),
        (
            "curves",
            "Learning curves",
            "Thick lines are medians over seeds, thin ones single trials. A line ends where half of "
            "its trials have diverged or failed. A click on a name hides its cell.",
            lambda: curve_figures(results, history),
        ),
        (
            "speed",
            "Quality against throughput",
            "Arrows point to the better side; no other cell is both better and faster than one on "
            "the dashed front, whose marks are filled.",
            lambda: pareto_figures(results),
        ),
        (
            "profiles",
            "Performance profiles",
            "The share of a component's trials whose value is at least as good as τ: the higher line "
            "is better, wherever it is.",
            lambda: score_figures(results),
        ),
        (
            "time",
            "Time to quality",
            "The share of a component's trials that have reached the target after so many images.",
            lambda: time_figures(results, history),
        ),
        (
            "stability",
            "Stability",
            "One dot for each trial; see the preset Stability of the tables for the numbers.",
            lambda: stability_figures(results),
        ),
    ]

    found = [Chapter(anchor, title, intro, make()) for anchor, title, intro, make in drawn]
    return [chapter for chapter in found if chapter.figures]
