"""The content of a report, gathered from a run folder: plain values for the template."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ganbench.analysis.larger_budgets import at_largest_budget
from ganbench.analysis.summary import by_cell
from ganbench.base.text import plain
from ganbench.present.footnotes import failures, skipped
from ganbench.present.view import Note
from ganbench.report.findings import findings
from ganbench.report.galleries import Gallery, galleries
from ganbench.report.page_figures import Figure, page_figures
from ganbench.report.run_facts import facts, grid_text
from ganbench.report.tables import Table, cell_table, trial_table, whole_view
from ganbench.store.frames import read_history, read_results
from ganbench.store.run_folder import RunFolder


class Chapter(NamedTuple):
    """A section of figures.

    :ivar anchor: its id in the page.
    :ivar intro: how to read the figures, as a sentence or two.
    """

    anchor: str
    title: str
    intro: str
    figures: list[Figure]


#: For each kind of figure the anchor, the title and the intro of its chapter.
_CHAPTERS = {
    "heat-map": (
        "heat-maps",
        "Heat maps",
        "Architectures against losses: the median over seeds, dark for the best. A cell that failed "
        "or was skipped says so.",
    ),
    "curves": (
        "curves",
        "Learning curves",
        "Thick lines are medians over seeds, thin lines are single trials. A line ends where half of "
        "its trials have diverged or failed. A click on a name hides its cell.",
    ),
    "pareto": (
        "speed",
        "Quality against throughput",
        "Arrows point to the better side. The dashed front joins the filled cells: no other cell is "
        "both better and faster than one of them.",
    ),
    "profile": (
        "profiles",
        "Performance profiles",
        "The share of a component's trials with a value at least as good as τ. At each τ the higher "
        "line is better.",
    ),
    "time": (
        "time",
        "Time to quality",
        "The share of a component's trials that have reached the target after so many images.",
    ),
    "stability": (
        "stability",
        "Stability",
        "One dot for each trial; the preset Stability of the tables has the numbers.",
    ),
}


class Report(NamedTuple):
    """Everything that the template shows.

    :ivar words: the run's own closing words, if it left any.
    """

    title: str
    words: list[str]
    findings: list[str]
    facts: list[tuple[str, str]]
    grid: str
    cells: Table
    trials: Table
    captions: list[str]
    chapters: list[Chapter]
    galleries: list[Gallery]
    ticks: list[int]
    neighbors: bool
    failures: list[Note]
    skipped: list[Note]
    problems: list[str]

    @property
    def figures(self) -> list[Figure]:
        """All figures, in the order of the page."""
        return [figure for chapter in self.chapters for figure in chapter.figures]


def gather(path: str | Path) -> Report:
    """Gather the report of a run; raises UsageError without a run at ``path``."""
    run = RunFolder(path).open()
    found, history = read_results(path), read_history(path)
    results = found.named
    newest = at_largest_budget(results)
    summary = by_cell(newest)
    cells, trials = whole_view(results, summary), whole_view(results)
    anchors = {trial: f"trial-{number}" for number, trial in enumerate(trials.frame["trial"])}
    problems = [*dict.fromkeys([*found.problems, *history.problems])]
    current = {trial: anchors[trial] for trial in newest["trial"] if trial in anchors}
    samples = galleries(run, newest, history.frame, current, problems)
    pictures = [picture for gallery in samples for picture in gallery.pictures]
    shown = {picture.anchor for picture in pictures}
    return Report(
        title=plain(run.path.resolve().name),
        words=run.closing_words(problems),
        findings=findings(results, newest, cells),
        facts=list(facts(run, results)),
        grid=grid_text(run),
        cells=cell_table(cells, summary),
        trials=trial_table(trials, results, {t: a for t, a in anchors.items() if a in shown}),
        captions=cells.beneath,
        chapters=[
            Chapter(*_CHAPTERS[kind], figures)
            for kind, figures in page_figures(newest, history.frame).items()
            if figures
        ],
        galleries=samples,
        ticks=sorted({tick for p in pictures if p.timeline for tick in p.timeline.ticks}),
        neighbors=any(p.neighbors for p in pictures),
        failures=failures(results),
        skipped=skipped(results),
        problems=[plain(problem) for problem in problems],
    )
