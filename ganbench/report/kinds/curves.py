"""Learning curves: a metric over training, the median of the seeds and a band around it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from ganbench.base.text import counted
from ganbench.components.column import Column
from ganbench.report.data import bands
from ganbench.report.data.cautions import about_training
from ganbench.report.data.facets import Facet, Member, facets
from ganbench.report.data.metrics import check_history_metric
from ganbench.report.data.seeds import Over, SeedCurve, by_trial, combine, seed_curves
from ganbench.report.marks import Axis, AxisKind, Dots, Line, Mark, Note, Panel, within_reach
from ganbench.store.primary import the_primary

#: By what training is counted: its words, the kind of axis, and the button of the page.
AMOUNTS: dict[Over, tuple[str, AxisKind, str]] = {
    "images": ("real images shown to the discriminator", "images", "Images"),
    "train_seconds": ("seconds of training", "seconds", "Seconds"),
}

Curves = list[tuple[Member, list[SeedCurve]]]


def curves(
    results: pd.DataFrame,
    history: pd.DataFrame,
    over: Over = "images",
    metric: str | None = None,
    band: bands.Band = "interval",
) -> list[Panel]:
    """A panel for each data set, extractor and protocol that has a curve of the metric.

    A trial that failed or diverged counts as the worst at every tick after its last, so a median may
    become infinite. Where the seeds were measured at different places (seconds), they are
    interpolated on a common grid that ends with the first trial to end well: nothing is extrapolated.
    The median of a metric without a better direction ends where a trial failed.

    :param metric: a column of the history; the primary metric by default.
    :param band: the 95 % interval of the median, the range of the seeds, or none.
    :raises UsageError: if there is no such metric.
    """
    column = check_history_metric(history, results, the_primary([results], metric))
    measured = by_trial(history, over, column.name)
    panels = []
    for facet in facets(results):
        every = [(member, seed_curves(member, measured)) for member in facet.members]
        if any(len(seed.x) for _, seeds in every for seed in seeds):
            panels.append(_panel(facet, every, over, column, band))
    return panels


def _panel(facet: Facet, every: Curves, over: Over, column: Column, band: bands.Band) -> Panel:
    words, kind, view = AMOUNTS[over]
    shown = [(member, seeds) for member, seeds in every if any(len(seed.x) for seed in seeds)]
    missing = [member for member, seeds in every if not any(len(seed.x) for seed in seeds)]
    marks = [mark for member, seeds in shown for mark in _marks(member, seeds, column, band, over)]
    lines = [mark for mark in marks if isinstance(mark, Line) and mark.weight == "main"]
    own = np.concatenate([seed.y for _, seeds in shown for seed in seeds])
    values = np.concatenate([own, *(line.y for line in lines)])
    ends = np.concatenate([end for line in lines for end in (line.low, line.high)])
    y = facet.axis(column, values, ends=ends)
    held = within_reach(values, ends, y.log) if np.isfinite(values).any() else ends
    beyond = not np.array_equal(held, ends[np.isfinite(ends)])
    y = replace(y, ends=held)
    failed, total = sum(line.failed for line in lines), sum(line.n for line in lines)
    how = "counted as the worst from then on" if column.better else "ending the median"
    return facet.panel(
        column,
        view=view,
        description=f"{y.title} during training on {facet.title}: {counted(len(lines), 'cell')}, the "
        "median over seeds as a thick line with a band, trials as thin lines.",
        x=Axis(title=words, kind=kind),
        y=y,
        marks=marks,
        notes=[
            Note(bands.describe([line.n for line in lines], band)),
            Note("a band that touches the edge goes on beyond it" if beyond else ""),
            Note(f"{failed} of {total} trials failed or diverged, {how}" if failed else ""),
            Note(about_training(facet.members, over)),
        ],
        left_out=[f"{member.label} ({_why_missing(member)})" for member in missing],
        missing="without a curve",
        **facet.legend,
        size=(5.5, 2.7, 2.2),
        height=460,
        records={  # the trials' points; the medians follow from them
            (seed.trial, number): {
                "cell": member.label,
                "seed": seed.seed,
                "trial": seed.trial,
                **dict.fromkeys(AMOUNTS),
                over: x,
                column.name: value,
            }
            for member, seeds in shown
            for seed in seeds
            for number, (x, value) in enumerate(zip(seed.x.tolist(), seed.y.tolist(), strict=True))
        },
    )


def _marks(
    member: Member, seeds: list[SeedCurve], column: Column, band: bands.Band, over: Over
) -> Iterator[Mark]:
    """A cell's median with its band over its seeds.

    In a file seeds stand in for a missing band, and show where trials failed.
    """
    x, values = combine(seeds, column)
    groups = list(values.T)
    low, high = bands.bands(groups, column, band)
    middle, failed = bands.medians(groups), sum(not seed.ok for seed in seeds)

    def hover(what: str, x: np.ndarray, y: np.ndarray) -> list[tuple[str, ...]]:
        form = "{:,.0f} images" if over == "images" else "{:,.1f} s"
        return [
            (member.label, what, f"{form.format(a)}: {column.name} {b:.4g}")
            for a, b in zip(x, y, strict=True)
        ]

    several, in_file = len(seeds) > 1, failed or np.isnan(low).all()
    if several or failed:
        parts = [(s.x, s.y, hover(f"seed {s.seed}", s.x, s.y)) for s in seeds]
        yield Line(
            label=member.label,
            style=member.style,
            weight="thin",
            x=np.concatenate([[*own, math.nan] for own, *_ in parts]),
            y=np.concatenate([[*own, math.nan] for _, own, _ in parts]),
            hover=[text for *_, texts in parts for text in (*texts, ())],
            only="" if several and in_file else "page" if several else "file",
        )
    ends = np.array([(s.x[-1], s.y[-1]) for s in seeds if not s.ok and len(s.x)]).reshape(-1, 2)
    if len(ends):
        yield Dots(style=member.style, x=ends[:, 0], y=ends[:, 1], only="file")
    yield Line(
        label=member.label,
        style=member.style,
        x=x,
        y=middle,
        low=low,
        high=high,
        hover=hover(f"median of {len(seeds)}", x, middle),
        note=f"{failed} of {len(seeds)} failed" if failed else "",
        n=len(seeds),
        failed=failed,
    )


def _why_missing(member: Member) -> str:
    """Why a cell has nothing to show: ``skipped``, ``failed`` and so on."""
    cell = member.cell
    if cell.reason is not None:
        return "skipped"
    if cell.failed:
        return "failed before the first evaluation"
    return "not finished" if cell.interrupted else "not measured"
