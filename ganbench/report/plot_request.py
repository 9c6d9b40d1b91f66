"""From a run folder to the content of one figure file."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from ganbench.analysis.larger_budgets import at_largest_budget
from ganbench.base.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.base.text import plain
from ganbench.report.data.bands import Band
from ganbench.report.data.metrics import THROUGHPUT, alone, check_measure
from ganbench.report.data.seeds import Over
from ganbench.report.kinds.curves import curves
from ganbench.report.kinds.heatmap import heatmaps
from ganbench.report.kinds.pareto import pareto
from ganbench.report.kinds.profiles import score_profiles, time_profiles
from ganbench.report.kinds.samples import choose, samples, timelines
from ganbench.report.marks import Field, Frames, Line, Mark, Panel, Picture
from ganbench.report.matplotlib_renderer.charts import chart_layout
from ganbench.report.matplotlib_renderer.fields import field_layout
from ganbench.report.matplotlib_renderer.layout import FigureLayout, encode
from ganbench.report.matplotlib_renderer.pictures import picture_layout, timeline_layout
from ganbench.report.matplotlib_renderer.style import FigureStyle, drawing
from ganbench.store.display_names import named
from ganbench.store.frames import read_history, read_results
from ganbench.store.primary import the_primary
from ganbench.store.run_folder import RunFolder

_OVER_TIME = ("curves", "profile", "samples")


@dataclass(frozen=True)
class PlotRequest:
    """The figure that a person asks for.

    :ivar kind: ``curves``, ``heatmap``, ``pareto``, ``profile`` or ``samples``.
    :ivar metric: None for the primary one.
    :ivar target: asks for the profile of the time to reach it.
    :ivar trials: selectors, such as ids or parts of them; empty for a typical trial of each cell.
    :ivar ticks: of timelines, empty for all ticks; None for samples at the end.
    """

    kind: str
    metric: str | None = None
    dataset: str | None = None
    over: Over = "images"
    band: Band = "interval"
    by: str | None = None
    target: float | None = None
    speed: str = "images_per_second"
    trials: Sequence[str] = ()
    ticks: Sequence[int] | None = None
    style: FigureStyle = field(default_factory=FigureStyle)


class FigureFile(NamedTuple):
    """The content of a file, its caption, and problems with the files of the run."""

    content: bytes
    caption: str
    problems: list[str]


class _Run(NamedTuple):
    folder: RunFolder
    results: pd.DataFrame
    history: pd.DataFrame


def draw(path: str, request: PlotRequest, suffix: str) -> FigureFile:
    """Draw a figure of the run at ``path``.

    :param suffix: ``.png``, ``.pdf`` or ``.svg``.
    :raises UsageError: if there is no run, or nothing in it to draw.
    """
    folder = RunFolder(path).open()
    found = read_results(path)
    problems, history = list(found.problems), pd.DataFrame()
    if request.kind in _OVER_TIME:
        histories = read_history(path)
        problems, history = [*problems, *histories.problems], histories.frame
    results = named(_of_dataset(found.frame, request.dataset), found.names)
    if not request.trials:  # a person may name any trial
        results = at_largest_budget(results)
    run = _Run(folder, results, history)
    if not bool((~run.results["status"].isin(["skipped", "interrupted"])).any()):
        raise UsageError(f"no trial in {path} has ended yet, so there is nothing to draw")
    if request.kind != "samples":
        request = replace(request, metric=the_primary([run.results], request.metric))
    with drawing():
        panels = _KINDS[request.kind](run, request)
        layout = _LAYOUTS.get(type(panels[0].marks[0]), chart_layout)(panels, request.style)
        content = encode(layout.figure(request.style), suffix, request.style.dpi)
    return FigureFile(content, layout.caption(), [*dict.fromkeys(problems)])


def _of_dataset(results: pd.DataFrame, dataset: str | None) -> pd.DataFrame:
    """The rows of a data set: all of a name, or those of one spec."""
    if dataset is None:
        return results
    specs = results["dataset"].fillna("")
    for names in (specs, specs.str.partition("[")[0]):
        if bool((names == dataset).any()):
            return results[names == dataset]
    known = map(plain, specs.unique())
    raise UnknownNameError(f"no data set {dataset!r} in the results{did_you_mean(dataset, known)}")


def _curves(run: _Run, request: PlotRequest) -> list[Panel]:
    panels = curves(run.results, run.history, request.over, request.metric, request.band)
    if not panels:
        raise UsageError(f"no trial has a history of {request.metric!r}; choose another --metric")
    lines = [mark for panel in panels for mark in panel.marks if isinstance(mark, Line)]
    if not any(np.isfinite(np.diff(line.x)).any() for line in lines):
        raise UsageError(
            "every trial has only one tick, so there is no curve; see [evaluation] ticks"
        )
    return panels


def _pareto(run: _Run, request: PlotRequest) -> list[Panel]:
    check_measure(run.results, str(request.metric))
    if request.speed in THROUGHPUT and not alone(run.results):
        grid, out = (shlex.quote(str(p)) for p in (run.folder.grid_file, run.folder.path))
        raise UsageError(
            "no trial had its device to itself, so there is no throughput to draw; "
            f"`ganbench run --grid {grid} -j 1 -o {out}-alone` trains them one at a time, and "
            "--speed steps_per_second draws what there is, marked as shared"
        )
    panels = pareto(run.results, request.metric, request.speed, stand_in=False)
    if not panels:
        raise UsageError(
            f"no cell has both {request.metric} and {request.speed}; choose another --metric or --speed"
        )
    return panels


def _profile(run: _Run, request: PlotRequest) -> list[Panel]:
    by, metric, over, target = request.by, request.metric, request.over, request.target
    if target is None:
        panels = score_profiles(run.results, by, metric)
    else:
        panels = time_profiles(run.results, run.history, by, metric, over, target)
    if not panels:
        raise UsageError(
            f"no trial has a value of {metric!r} to make a profile of; choose another --metric"
        )
    return panels


def _samples(run: _Run, request: PlotRequest) -> list[Panel]:
    trials = [trial.id for name in request.trials for trial in run.folder.select(name)]
    ended = set(run.results["trial"])
    for trial in trials:
        if trial not in ended:
            raise UsageError(f"trial {trial} has not ended, or is of another data set")
    choices = choose(run.results, trials)
    if request.ticks is None:
        panels = samples(run.folder, choices)
        if not panels:
            raise UsageError("none of the trials has samples.png")
        return panels
    panels = timelines(run.folder, choices, run.history, request.ticks)
    if not panels:
        raise UsageError("none of the trials has a progress.png to make a timeline of")
    frames = [mark for panel in panels for mark in panel.marks if isinstance(mark, Frames)]
    if all(len(mark.ticks) < 2 for mark in frames):
        raise UsageError("a timeline takes two ticks or more, and there is only one")
    return panels


_KINDS: dict[str, Callable[[_Run, PlotRequest], list[Panel]]] = {
    "curves": _curves,
    "heatmap": lambda run, request: heatmaps(run.results, request.metric),
    "pareto": _pareto,
    "profile": _profile,
    "samples": _samples,
}
KINDS = tuple(_KINDS)
_LAYOUTS: dict[type[Mark], Callable[[Sequence[Panel], FigureStyle], FigureLayout]] = {
    Field: field_layout,
    Picture: picture_layout,
    Frames: timeline_layout,
}
