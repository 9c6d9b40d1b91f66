"""From a run folder to the bytes of one figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ganbench.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.report.charts import measures
from ganbench.report.charts.bands import Band
from ganbench.report.charts.curves import curves
from ganbench.report.charts.heatmap import heatmaps
from ganbench.report.charts.pareto import pareto
from ganbench.report.charts.profiles import score_profiles, time_profiles
from ganbench.report.charts.samples import Picture, choose, pictures
from ganbench.report.charts.seeds import Over
from ganbench.report.charts.strip import Strip, read_strip
from ganbench.report.files import curves as curve_file
from ganbench.report.files import heatmap as heatmap_file
from ganbench.report.files import pareto as pareto_file
from ganbench.report.files import profiles as profile_file
from ganbench.report.files import samples as sample_file
from ganbench.report.files.sheet import Sheet, encode
from ganbench.report.files.style import Look, drawing
from ganbench.results.formatting import plain
from ganbench.results.frames import read_history, read_results
from ganbench.results.primary import the_primary
from ganbench.results.store import RunFolder

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Wish:
    """What to draw.

    :ivar kind: ``curves``, ``heatmap``, ``pareto``, ``profile`` or ``samples``.
    :ivar metric: None for the primary one.
    :ivar target: draws the profile of the time to reach it.
    :ivar trials: ids or parts of them; of each cell a typical one where empty.
    :ivar ticks: for film strips; empty for all ticks, None for samples at the end.
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
    look: Look = field(default_factory=Look)


@dataclass(frozen=True)
class Drawn:
    """The file's content, what its caption says, and what was wrong with the files it is from."""

    content: bytes
    caption: str
    problems: list[str]


def draw(path: str, wish: Wish, suffix: str) -> Drawn:
    """Draw a figure of the run at ``path``.

    :param suffix: ``.png``, ``.pdf`` or ``.svg``.
    :raises UsageError: if there is no run, or nothing in it to draw.
    """
    run = RunFolder(path).open()
    found = read_results(path)
    problems = list(found.problems)
    results = _chosen(found.frame, wish.dataset)
    if not bool((~results["status"].isin(["skipped", "interrupted"])).any()):
        raise UsageError(f"no trial in {path} has ended yet, so there is nothing to draw")
    if wish.kind != "samples":
        wish = replace(wish, metric=the_primary([results], wish.metric))
    with drawing():
        if wish.kind in ("curves", "profile", "samples"):
            histories = read_history(path)
            problems += histories.problems
            sheet = _over_time(run, results, histories.frame, wish)
        else:
            sheet = _at_the_end(results, wish)
        content = encode(sheet.figure(wish.look), suffix, wish.look.dpi)
    return Drawn(content, sheet.caption(), [*dict.fromkeys(problems)])


def _chosen(results: pd.DataFrame, dataset: str | None) -> pd.DataFrame:
    """The rows of a data set: all of a name, or of one spec."""
    if dataset is None:
        return results
    specs = results["dataset"].fillna("")
    wanted = specs == dataset
    if not bool(wanted.any()):
        wanted = specs.str.partition("[")[0] == dataset
    if not bool(wanted.any()):
        known = map(plain, specs.unique())
        raise UnknownNameError(
            f"no data set {dataset!r} in the results{did_you_mean(dataset, known)}"
        )
    return results[wanted]


def _at_the_end(results: pd.DataFrame, wish: Wish) -> Sheet:
    if wish.kind == "heatmap":
        return heatmap_file.sheet(heatmaps(results, metric=wish.metric), wish.look)
    assert wish.metric is not None
    measures.check_measure(results, wish.metric)
    if wish.speed in measures.THROUGHPUT and not measures.alone(results):
        raise UsageError(
            "no trial had its device to itself, so there is no throughput to draw; run trials one "
            "at a time (-j 1), or take --speed steps_per_second, which is marked as shared"
        )
    charts = [chart for chart in pareto(results, wish.metric, wish.speed) if not chart.shared]
    if not charts:
        raise UsageError(f"no cell has both {wish.metric} and {wish.speed}")
    return pareto_file.sheet(charts, wish.look)


def _over_time(run: RunFolder, results: pd.DataFrame, history: pd.DataFrame, wish: Wish) -> Sheet:
    if wish.kind == "samples":
        return _samples(run, results, history, wish)
    if wish.kind == "curves":
        return _curves(results, history, wish)
    if wish.target is None:
        charts = score_profiles(results, wish.by, wish.metric)
    else:
        charts = time_profiles(results, history, wish.by, wish.metric, wish.over, wish.target)
    if not charts:
        raise UsageError(f"no trial has a value of {wish.metric!r} to make a profile of")
    return profile_file.sheet(charts, wish.look)


def _curves(results: pd.DataFrame, history: pd.DataFrame, wish: Wish) -> Sheet:
    charts = curves(results, history, wish.over, wish.metric, wish.band)
    if not charts:
        raise UsageError(f"no trial has a history of {wish.metric!r}")
    if not any(len(seed.x) > 1 for c in charts for line in c.lines for seed in line.seeds):
        raise UsageError(
            "every trial has only one tick, so there is no curve; see [evaluation] ticks"
        )
    return curve_file.sheet(charts, wish.look)


def _samples(run: RunFolder, results: pd.DataFrame, history: pd.DataFrame, wish: Wish) -> Sheet:
    trials = [run.find(name).id for name in wish.trials]
    ended = set(results["trial"])
    for trial in trials:
        if trial not in ended:
            raise UsageError(f"trial {trial} has not ended, or is of another data set")
    shown = pictures(run, choose(results, trials))
    if wish.ticks is None:
        if not shown:
            raise UsageError("none of the trials has samples.png")
        return sample_file.sheet(shown, wish.look)
    films = _films(run, shown, history, wish.ticks)
    if not films:
        raise UsageError("none of the trials has a progress.png to make a film strip of")
    if all(len(strip.ticks) < 2 for _, strip in films):
        raise UsageError("a film strip takes two ticks or more, and there is only one")
    return sample_file.strips(films, wish.look)


def _films(
    run: RunFolder, shown: Sequence[Picture], history: pd.DataFrame, ticks: Sequence[int]
) -> list[tuple[Picture, Strip]]:
    films = []
    for picture in shown:
        strip = read_strip(run.trial(picture.trial), history)
        if strip is not None:
            films.append((picture, _with_ticks(strip, ticks)))
    return films


def _with_ticks(strip: Strip, ticks: Sequence[int]) -> Strip:
    """The frames at the ticks; all if none is named."""
    for tick in ticks:
        if tick not in strip.ticks:
            known = ", ".join(map(str, strip.ticks))
            raise UsageError(f"--ticks: {strip.trial} has no frame of tick {tick}; it has {known}")
    kept = [strip.ticks.index(tick) for tick in ticks] or list(range(len(strip.ticks)))
    return replace(
        strip,
        ticks=[strip.ticks[place] for place in kept],
        images=[strip.images[place] for place in kept],
        tiles=strip.tiles[kept],
    )
