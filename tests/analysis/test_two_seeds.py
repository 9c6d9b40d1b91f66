"""Two seeds carry no interval: their values are shown, and nothing is claimed of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_runs import Row, synthetic_frame, write_synthetic_run

import ganbench as gb
from ganbench.analysis.ranking import rank
from ganbench.analysis.statistics.intervals import interval, intervals
from ganbench.analysis.statistics.paired import improvement, paired_effect
from ganbench.components.column import Column
from ganbench.present import ranking_frame
from ganbench.present.compare_and_rank import compare_frames as compare
from ganbench.present.comparison_frame import footnotes
from ganbench.present.formats import render_table
from ganbench.present.latex import latex_estimate
from ganbench.present.view import estimates
from ganbench.report.content import gather
from ganbench.report.kinds.curves import curves
from ganbench.report.kinds.heatmap import heatmaps
from ganbench.report.kinds.pareto import pareto
from ganbench.report.kinds.profiles import score_profiles, time_profiles
from ganbench.store.frames import load_history, load_results
from ganbench.store.run_folder import RunFolder

WHY = "wo seeds give no interval; run at least three"
TWO, THREE = np.array([1.0, 1.1]), np.array([1.0, 1.1, 1.2])


def far_apart(row: Row) -> Row:
    return row | {"fd": row["fd"] * (1 if row["loss"] == "a" else 50)}


class TestStatistics:
    @pytest.mark.parametrize("statistic", ["mean", "median"])
    def test_there_is_none_of_two_values(self, statistic: Any) -> None:
        assert not interval(TWO, statistic).exists
        assert interval(THREE, statistic).exists
        low, high = intervals([TWO, THREE, np.array([1.0, math.inf])], statistic)
        assert np.isnan(low).tolist() == np.isnan(high).tolist() == [True, False, True]

    def test_no_test_is_made(self) -> None:
        for seeds in (None, [(0, 1), (0, 1)], [(0, 1), (1, 2)]):
            found = paired_effect([TWO, TWO], seeds)
            assert not found.interval.exists
            assert math.isnan(found.p)
        assert paired_effect([THREE, TWO]).interval.exists
        assert paired_effect([TWO]).estimate == pytest.approx(1.05)
        assert not improvement([TWO], [5 + TWO]).interval.exists
        assert improvement([TWO], [5 + TWO]).probability == 1


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return write_synthetic_run(tmp_path_factory.mktemp("two") / "run", seeds=2, ticks=3)


class TestTables:
    def test_values_are_in_the_order_of_seeds_and_failures_infinite(
        self, run: RunFolder, row: Callable[..., Row]
    ) -> None:
        for seed, fd in ((1, 2.25), (0, 7.5)):
            run.trial(f"t{seed}").write_row(row(f"t{seed}", seed=seed, fd=fd))
            lost = {"loss": "lost", "status": "ok" if seed else "error"}
            run.trial(f"l{seed}").write_row(row(f"l{seed}", seed=seed, fd=fd) | lost)
        text = render_table(load_results(run.path), by_cell=True)
        assert "7.50 / 2.25" in text
        assert "∞ / 2.25" in text
        assert WHY in " ".join(text.split())

    def test_cells_of_several_sizes_share_a_table(
        self, run: RunFolder, row: Callable[..., Row]
    ) -> None:
        for loss, count in (("one", 1), ("two", 2), ("three", 3)):
            for seed in range(count):
                trial = f"{loss}-{seed}"
                run.trial(trial).write_row(row(trial, loss=loss, seed=seed, fd=3.0 + seed / 8))
        text = render_table(load_results(run.path), by_cell=True, columns=["loss", "n", "fd"])
        lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
        assert lines["one"].split()[2:] == ["3.00"]
        assert lines["two"].split()[2:] == ["3.00", "/", "3.12"]
        assert re.search(r"3\.12 \[", lines["three"])

    def test_texts(self) -> None:
        (found,) = estimates(
            Column("kid_mean"), np.array([0.0]), *[np.array([math.nan])] * 2, [(-0.2, 0.2)]
        )
        assert found.bracketed() == found.signed() == "-0.200 / 0.200"
        assert latex_estimate(found) == "$-$0.200 / 0.200"


class TestComparison:
    def test_it_shows_the_ratio_and_claims_nothing(self) -> None:
        frame = synthetic_frame(far_apart, seeds=2)
        found = compare(frame, "a", frame, "b")
        assert WHY in found.sentence()
        assert "is better by" not in found.sentence()
        told = found.record()["overall"]
        assert told["effect"] < 0.1
        ends = [name for name in told if name.endswith(("_low", "_high"))]
        assert len(ends) == 16
        assert {told[name] for name in (*ends, "p")} == {None}
        assert not any("Intervals" in text for text in footnotes(found))

    def test_failures_of_two_seeds_are_counted_and_no_more(self) -> None:
        frame = synthetic_frame(
            lambda row: row | ({"status": "error"} if row["loss"] == "a" else {}),
            seeds=2,
            architectures=("mlp",),
        )
        text = compare(frame, "a", frame, "b").sentence()
        assert "2 of 2 trials of a failed, 0 of 2 of b." in text
        assert "more often" not in text
        assert WHY in text

    def test_one_block_of_three_seeds_speaks_for_those_of_two(self) -> None:
        frame = synthetic_frame(
            lambda row: far_apart(row) if row["architecture"] == "mlp" or row["seed"] < 2 else None,
            seeds=3,
        )
        found = compare(frame, "a", frame, "b")
        assert found.overall.effect.interval.exists
        small = next(c for c in found.blocks if "dcgan" in c.label)
        assert not small.effect.interval.exists


def test_a_ranking_marks_nothing() -> None:
    ranking = rank(synthetic_frame(far_apart, seeds=2), "loss")
    frame = ranking_frame.frame(ranking)
    assert frame["loss"].tolist() == ["a", "b"]
    ends = [name for name in frame.columns if name.endswith(("_low", "_high"))]
    assert frame[[*ends, "p"]].isna().all(axis=None)
    assert WHY in frame.attrs["captions"][0]
    text = ranking_frame.table(ranking, "markdown")
    assert "**" not in text
    assert "Bold" not in text
    assert "[" not in text.split("\n\n")[0]


class TestFigures:
    def test_no_figure_has_bands(self, two: RunFolder) -> None:
        results, history = load_results(two.path), load_history(two.path)
        (chart,) = curves(results, history)
        assert all(np.isnan(line.low).all() for line in chart.lines)
        assert WHY in str(chart.notes)
        (points,) = pareto(results)
        assert all(np.isnan([*p.x_ends, *p.y_ends]).all() for p in points.points)
        assert WHY in str(points.notes)
        (heat,) = heatmaps(results)
        assert all(math.isnan(cell.low) for cell in heat.fields[0].known)

    def test_profiles_have_bands_from_three_seeds_on(self, tmp_path: Path, two: RunFolder) -> None:
        three = write_synthetic_run(tmp_path / "three", seeds=3, ticks=3)
        for run, there in ((two, False), (three, True)):
            results, history = load_results(run.path), load_history(run.path)
            for (chart,) in (
                score_profiles(results),
                time_profiles(results, history),
                time_profiles(results, history, target=1e-9),
            ):
                for line in chart.lines:
                    assert np.isfinite(line.low).all() == np.isfinite(line.high).all() == there
                assert (WHY in str(chart.notes)) != there

    def test_the_report_says_why(self, two: RunFolder) -> None:
        report = gather(two.path)
        assert WHY in report.findings[0]
        assert not any(
            "interval 0" in text or "told apart from it" in text for text in report.findings
        )
        cells: pd.DataFrame = gb.load_results(two.path)
        column = next(c for c in report.cells.columns if c.name == "kid_mean_median")
        assert all(" / " in text for text in column.texts)
        assert len(column.texts) == cells.groupby(["architecture", "loss"]).ngroups
