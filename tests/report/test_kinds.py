from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from made_up_runs import Row, synthetic_row

from ganbench.analysis.statistics.intervals import interval
from ganbench.base.errors import UsageError
from ganbench.evaluation.pictures import save_timeline
from ganbench.evaluation.sample_timeline import SampleTimeline
from ganbench.report.data.bands import medians
from ganbench.report.data.cells import cells
from ganbench.report.data.facets import facets
from ganbench.report.data.sample_timeline import read_timeline
from ganbench.report.kinds.curves import curves
from ganbench.report.kinds.heatmap import heatmaps
from ganbench.report.kinds.pareto import front, pareto
from ganbench.report.kinds.profiles import score_profiles, time_profiles
from ganbench.report.kinds.samples import choose
from ganbench.report.marks import FieldCell, Line, Panel
from ganbench.report.palette import COLORS, DARK, DASHES, LIGHT
from ganbench.store.arrow import rows_to_table
from ganbench.store.frames import to_frame
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import HISTORY_COLUMNS

_NOTHING: Row = {"fd": None, "fd_best": None, "extractor": None, "verdict": None}


def row(seed: int = 0, **changes: Any) -> Row:
    specs = [
        changes.pop(axis, usual)
        for axis, usual in (
            ("architecture", "mlp"),
            ("loss", "hinge"),
            ("dataset", "digits"),
            ("regularizer", "none"),
            ("augmentation", "none"),
        )
    ]
    trial = "-".join([*specs, str(changes.get("extractor", "")), f"s{seed}"])
    return synthetic_row(trial, specs, seed) | changes


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    return to_frame(rows_to_table(rows))


def history(points: dict[str, Sequence[tuple[float, ...]]], metric: str = "fd") -> pd.DataFrame:
    """``points``: (images, metric) or (images, metric, seconds) by trial."""
    records = [
        {
            "trial": trial,
            "tick": tick,
            "images": int(point[0]),
            metric: point[1],
            "train_seconds": point[2] if len(point) > 2 else point[0] / 100,
        }
        for trial, curve in points.items()
        for tick, point in enumerate(curve)
    ]
    return to_frame(rows_to_table(records, HISTORY_COLUMNS, known=()))


def notes(panel: Panel) -> str:
    return "; ".join(note.text for note in panel.notes)


def cells_of(panel: Panel) -> Sequence[Sequence[FieldCell | None]]:
    return panel.fields[0].cells


def only_line(charts: Sequence[Panel]) -> Line:
    assert len(charts) == 1
    assert len(charts[0].lines) == 1
    return charts[0].lines[0]


def test_each_cell_gives_its_trials() -> None:
    skipped = {"status": "skipped", "error": "it cannot work"}
    rows = [row(), row(seed=1), row(seed=2, status="interrupted"), row(loss="lsgan", **skipped)]
    found = cells(frame(rows))
    assert [(cell.n, cell.interrupted, cell.reason) for cell in found] == [
        (2, 1, None),
        (0, 0, "it cannot work"),
    ]
    assert found[1].key["loss"] == "lsgan"


class TestCurves:
    def test_the_middle_is_the_median_and_the_band_its_interval(self) -> None:
        rows = [row(seed) for seed in range(4)]
        values = np.array([[50, 9, 4], [60, 8, 5], [40, 12, 7], [55, 10, 3]], dtype=float)
        trials = [r["trial"] for r in rows]
        points = [list(zip([0, 100, 200], v.tolist(), strict=True)) for v in values]
        told = history(dict(zip(trials, points, strict=True)))
        line = only_line(curves(frame(rows), told))
        assert line.x.tolist() == [0, 100, 200]
        assert line.y.tolist() == np.median(values, axis=0).tolist()
        expected = interval(values[:, 2], "median", scale="log")
        assert (line.low[2], line.high[2]) == pytest.approx((expected.low, expected.high))
        ranged = only_line(curves(frame(rows), told, band="range"))
        assert ranged.low.tolist() == values.min(axis=0).tolist()

    def test_a_seed_that_diverged_counts_as_infinite_from_then_on(self) -> None:
        rows = [row(0), row(1), row(2, status="diverged")]
        full = [(0, 50.0), (100, 10.0), (200, 5.0)]
        told = history(
            {rows[0]["trial"]: full, rows[1]["trial"]: [(0, 60.0), (100, 20.0), (200, 9.0)],
             rows[2]["trial"]: [(0, 40.0), (100, 8.0)]}
        )  # fmt: skip
        line = only_line(curves(frame(rows), told, band="range"))
        assert line.y.tolist() == [50, 10, 9]  # of 5, 9 and infinity: 9
        assert line.high[:2].tolist() == [60, 20]
        assert math.isnan(line.high[2])
        assert (line.n, line.failed) == (3, 1)

    def test_where_most_failed_the_median_is_infinite(self) -> None:
        rows = [row(0), row(1, status="crashed", fd=None), row(2, status="error", **_NOTHING)]
        told = history({rows[0]["trial"]: [(0, 50.0), (100, 10.0)], rows[1]["trial"]: [(0, 50.0)]})
        line = only_line(curves(frame(rows), told))
        assert line.y.tolist() == [50, math.inf]
        assert np.isnan(line.low).all()
        assert "2 of 3 trials failed" in notes(curves(frame(rows), told)[0])

    def test_higher_is_better_the_other_way_round(self) -> None:
        rows = [row(0), row(1, status="diverged"), row(2, status="diverged")]
        told = history({r["trial"]: [(0, 0.1)] for r in rows} | {
            rows[0]["trial"]: [(0, 0.1), (100, 0.6)]}, metric="precision")  # fmt: skip
        chart = curves(frame(rows), told, metric="precision")[0]
        assert chart.lines[0].y.tolist() == [0.1, -math.inf]
        assert (chart.y.better, chart.y.log) == ("higher", False)

    def test_without_a_better_direction_the_median_ends_with_the_first_failure(self) -> None:
        rows = [row(0), row(1, status="diverged")]
        told = history({rows[0]["trial"]: [(0, 1.0), (100, 2.0), (200, 3.0)],
                        rows[1]["trial"]: [(0, 3.0), (100, 4.0)]}, metric="d_loss")  # fmt: skip
        line = only_line(curves(frame(rows), told, metric="d_loss"))
        assert line.x.tolist() == [0, 100]
        assert line.y.tolist() == [2, 3]

    def test_seconds_are_interpolated_and_never_extrapolated(self) -> None:
        rows = [row(0), row(1)]
        told = history(
            {rows[0]["trial"]: [(0, 100.0, 0), (100, 25.0, 2.0), (200, 4.0, 4.0)],
             rows[1]["trial"]: [(0, 100.0, 0), (100, 25.0, 4.0), (200, 4.0, 8.0)]}
        )  # fmt: skip
        line = only_line(curves(frame(rows), told, "train_seconds"))
        assert line.x.tolist() == [0, 3, 4]  # the ticks' medians, to the end of the faster seed
        logs = [
            np.interp(line.x, t, np.log([100, 25, 4])) for t in ([0, 2, 4], [0, 4, 8])
        ]  # straight lines on a logarithmic axis
        assert line.y == pytest.approx(np.median(np.exp(logs), axis=0))

    def test_a_failed_seed_does_not_cut_the_seconds(self) -> None:
        rows = [row(0), row(1), row(2, status="diverged")]
        told = history(
            {rows[0]["trial"]: [(0, 9.0, 0), (100, 6.0, 10)],
             rows[1]["trial"]: [(0, 9.0, 0), (100, 5.0, 10)],
             rows[2]["trial"]: [(0, 9.0, 0), (50, 7.0, 4)]}
        )  # fmt: skip
        line = only_line(curves(frame(rows), told, "train_seconds"))
        assert line.x[-1] == 10
        assert line.y[-1] == 6

    def test_what_does_not_compare_is_not_in_one_chart(self) -> None:
        rows = [
            row(0, extractor="a"), row(0, extractor="b"), row(0, dataset="mnist", extractor="a"),
            row(1, extractor="a", protocol="2"),
        ]  # fmt: skip
        rows[3]["trial"] += "-2"
        told = history({r["trial"]: [(0, 9.0), (100, 5.0)] for r in rows})
        charts = curves(frame(rows), told)
        assert len(charts) == 4
        assert all(len(chart.lines) == 1 for chart in charts)
        assert len({chart.title for chart in charts}) == 4
        assert any("protocol 2" in chart.title for chart in charts)

    def test_equal_images_of_unequal_critics_are_unequal_updates(self) -> None:
        rows = [row(loss=f"l{n}", settings=f'{{"d_steps": {n}}}') for n in (1, 5)]
        points = {r["trial"]: [(0, 9.0), (10, 5.0)] for r in rows}
        note = notes(curves(frame(rows), history(points))[0])
        assert "(1 and 5): those with more have fewer generator updates at equal images" in note

    def test_cells_without_a_curve_are_named(self) -> None:
        rows = [
            row(0), row(0, loss="lsgan", status="error", **_NOTHING),
            row(0, loss="wgan-gp", status="skipped", error="no", **_NOTHING),
        ]  # fmt: skip
        told = history({rows[0]["trial"]: [(0, 9.0), (100, 5.0)]})
        chart = curves(frame(rows), told)[0]
        assert chart.left_out == ["lsgan (failed before the first evaluation)", "wgan-gp (skipped)"]

    @pytest.mark.parametrize(
        ("metric", "message"),
        [("fdd", "did you mean 'fd'"), ("tick", "not a metric"), ("fid", "they have fd, ")],
    )
    def test_a_metric_that_is_not_there(self, metric: str, message: str) -> None:
        rows = [row(0)]
        told = history({rows[0]["trial"]: [(0, 9.0), (100, 5.0)]})
        with pytest.raises(UsageError, match=message):
            curves(frame(rows), told, metric=metric)


class TestHeatMap:
    def test_values_are_medians_as_pandas_has_them(self) -> None:
        rows = [
            row(seed, architecture=a, loss=b)
            for a, b, seed in itertools.product(["mlp", "dcgan"], ["hinge", "lsgan"], range(3))
        ]
        results = frame(rows)
        (found,) = heatmaps(results)
        expected = results.pivot_table("fd", "architecture", "loss", aggfunc="median")
        for name, line in zip(found.y.names, cells_of(found), strict=True):
            for column, cell in zip(found.x.names, line, strict=True):
                assert cell is not None
                assert cell.value == pytest.approx(expected.loc[name, column])
                assert float(cell.text) == pytest.approx(cell.value, rel=0.01)

    def test_failures_skips_and_holes(self) -> None:
        rows = [
            *(row(seed, loss="hinge", fd=fd, status=status) for seed, fd, status in
              [(0, 4.0, "ok"), (1, 6.0, "ok"), (2, None, "crashed")]),
            *(row(seed, loss="lsgan", status="diverged", error="d_loss", fd=1.0) for seed in (0, 1)),
            row(0, loss="wgan-gp", status="skipped", error="cannot work", **_NOTHING),
            row(0, architecture="dcgan", loss="hinge", status="interrupted", **_NOTHING),
        ]  # fmt: skip
        (found,) = heatmaps(frame(rows))
        fields = dict(zip(found.x.names, cells_of(found)[found.y.names.index("mlp")], strict=True))
        hinge, lsgan, skipped = (_cell(fields[name]) for name in ("hinge", "lsgan", "wgan-gp"))
        assert (hinge.value, hinge.state, hinge.text) == (6.0, "partly failed", "6.00\n1/3 failed")
        assert (lsgan.value, lsgan.state, lsgan.text) == (math.inf, "failed", "2/2 failed")
        assert lsgan.reason == "diverged: d_loss"
        assert (skipped.state, skipped.reason) == ("skipped", "cannot work")
        dcgan = cells_of(found)[found.y.names.index("dcgan")]
        assert _cell(dcgan[found.x.names.index("hinge")]).state == "missing"
        assert dcgan[found.x.names.index("lsgan")] is None

    def test_a_failed_seed_has_no_cost(self) -> None:
        rows = [row(0), row(1, status="error")]
        fd, seconds = (notes(heatmaps(frame(rows), m)[0]) for m in ("fd", "train_seconds"))
        assert "seed counts as the worst in its median" in fd
        assert "seed is left out of its median" in seconds

    def test_variants_are_columns_in_natural_order(self) -> None:
        rows = [
            row(0, regularizer=name, architecture=a)
            for name in ("r1[gamma=10]", "none", "r1[gamma=2]")
            for a in ("dcgan[width=128]", "dcgan[width=32]")
        ]
        (found,) = heatmaps(frame(rows))
        assert found.x.names == ["hinge", "hinge × r1[gamma=2]", "hinge × r1[gamma=10]"]
        assert found.y.names == ["dcgan[width=32]", "dcgan[width=128]"]

    def test_settings_tell_cells_of_equal_components_apart(self) -> None:
        rows = [row(0, batch_size=32, cell="a"), row(0, batch_size=64, cell="b")]
        rows[1]["trial"] += "-64"
        (found,) = heatmaps(frame(rows))
        assert found.x.names == ["hinge × batch_size=32", "hinge × batch_size=64"]

    def test_throughput_is_of_trials_that_ran_alone(self) -> None:
        rows = [row(0, images_per_second=10.0), row(1, images_per_second=99.0, exclusive=False)]
        (found,) = heatmaps(frame(rows), metric="images_per_second")
        assert _cell(cells_of(found)[0][0]).value == 10
        with pytest.raises(UsageError, match="no trial had its device to itself"):
            heatmaps(frame([r | {"exclusive": False} for r in rows]), metric="images_per_second")


class TestPareto:
    @pytest.mark.parametrize("x_better", ["higher", "lower"])
    def test_the_front_is_what_nothing_dominates(self, x_better: str) -> None:
        dice = np.random.default_rng(0)
        for _ in range(20):
            x, y = dice.integers(0, 5, (2, 12)).astype(float)
            y[0] = math.inf
            sign = 1 if x_better == "higher" else -1
            expected = [
                bool(np.isfinite(y[i])) and not any(
                    sign * x[j] >= sign * x[i] and y[j] <= y[i] and (x[j], y[j]) != (x[i], y[i])
                    for j in range(12) if np.isfinite(y[j])
                )
                for i in range(12)
            ]  # fmt: skip
            assert front(x, y, x_better, "lower").tolist() == expected

    def test_equal_points_are_both_on_the_front(self) -> None:
        assert front(np.array([1.0, 1.0]), np.array([2.0, 2.0])).tolist() == [True, True]

    def test_rows_that_shared_their_device_do_not_count(self) -> None:
        rows = [
            row(0, images_per_second=10.0, fd=5.0),
            row(1, images_per_second=99.0, fd=7.0, exclusive=False),
            row(0, loss="lsgan", exclusive=False),
            row(0, loss="wgan-gp", status="diverged"),
        ]
        (chart,) = pareto(frame(rows))
        (point,) = chart.points
        assert (point.x, point.y, point.n) == (10, 6, 2)
        assert "shared" not in chart.x.title
        assert chart.left_out == ["lsgan (no trial alone on its device)", "wgan-gp (1/1 failed)"]

    def test_where_none_ran_alone_steps_stand_in_and_are_marked(self) -> None:
        rows = [row(0, exclusive=False, steps=300, train_seconds=10.0)]
        (chart,) = pareto(frame(rows))
        assert chart.points[0].x == 30
        assert "shared" in chart.x.title
        assert "shared" in notes(chart)
        assert pareto(frame(rows), stand_in=False) == []


class TestProfiles:
    def test_the_share_is_that_of_values_up_to_the_threshold(self) -> None:
        rows = [row(seed, loss=loss) for loss in ("hinge", "lsgan") for seed in range(5)]
        rows[0] |= {"status": "diverged"}
        (chart,) = score_profiles(frame(rows))
        hinge = chart.lines[0]
        values = np.array([r["fd"] for r in rows[1:5]])
        assert (hinge.label, hinge.n, hinge.failed) == ("hinge", 5, 1)
        assert hinge.y.tolist() == [(values <= x).sum() / 5 for x in hinge.x]
        assert hinge.y[-1] == 0.8
        assert ((hinge.low <= hinge.y) & (hinge.y <= hinge.high)).all()

    def test_higher_is_better_counts_from_above(self) -> None:
        rows = [row(seed, loss=loss) for loss in ("hinge", "lsgan") for seed in range(3)]
        (chart,) = score_profiles(frame(rows), metric="precision")
        values = np.array([r["precision"] for r in rows[:3]])
        line = chart.lines[0]
        assert line.y.tolist() == [(values >= x).sum() / 3 for x in line.x]
        assert line.start == "right"
        spread = line.between(0.0, 1.0)
        assert (spread.x[0], spread.y[0], spread.x[-1], spread.y[-1]) == (1, 0, 0, 1)

    def test_a_band_is_as_wide_as_the_seeds_make_it(self) -> None:
        rows = [row(s, fd=1.0 + s, architecture=a) for s in range(3) for a in ("mlp", "dcgan")]
        both = score_profiles(frame(rows), "loss")[0].lines[0]
        one = score_profiles(frame(rows[::2]), "loss")[0].lines[0]
        assert both.n == 2 * one.n
        assert (both.low.tolist(), both.high.tolist()) == (one.low.tolist(), one.high.tolist())

    def test_only_contexts_that_all_have_are_compared(self) -> None:
        rows = [
            row(0, loss="hinge"),
            row(0, loss="lsgan"),
            row(0, loss="lsgan", architecture="dcgan"),
        ]
        (chart,) = score_profiles(frame(rows))
        assert [line.n for line in chart.lines] == [1, 1]
        assert "1 of 2" in notes(chart)

    def test_time_to_a_target(self) -> None:
        rows = [row(0), row(1), row(2, status="crashed", **_NOTHING), row(0, loss="lsgan")]
        told = history({
            rows[0]["trial"]: [(0, 9.0), (100, 5.0), (200, 2.0)],
            rows[1]["trial"]: [(0, 9.0), (100, 3.0), (200, 4.0)],
            rows[3]["trial"]: [(0, 9.0), (100, 8.0), (200, 7.0)],
        })  # fmt: skip
        (chart,) = time_profiles(frame(rows), told, target=3.0)
        hinge, lsgan = chart.lines
        assert hinge.x.tolist() == [100, 200]
        assert hinge.y == pytest.approx([1 / 3, 2 / 3])
        assert lsgan.y.tolist() == [0]
        assert (lsgan.failed, lsgan.n) == (1, 1)

    def test_an_axis_that_is_none(self) -> None:
        with pytest.raises(UsageError, match="cannot compare by 'seed'"):
            score_profiles(frame([row(0)]), by="seed")


class TestNames:
    def test_a_cell_has_one_style_in_all_data_sets(self) -> None:
        rows = [
            row(0, dataset=dataset, architecture=a, loss=loss)
            for dataset in ("digits", "mnist")
            for a in ("mlp", "dcgan")
            for loss in ("hinge", "lsgan", "wgan-gp")
            if (dataset, loss) != ("digits", "hinge")
        ]
        found = facets(frame(rows))
        styles = [{m.label: m.style for m in facet.members} for facet in found]
        assert all(styles[0][label] == styles[1][label] for label in styles[0])
        assert found[0].color_by == "loss"
        assert len(set(styles[1].values())) == 6

    @pytest.mark.parametrize("counts", [(3, 3, 3), (2, 12, 2), (1, 40, 1), (9, 1, 1)])
    def test_styles_are_unique_as_far_as_they_go(self, counts: tuple[int, ...]) -> None:
        axes = ("architecture", "loss", "regularizer")
        rows = [
            row(0, **{axis: f"x{number}" for axis, number in zip(axes, numbers, strict=True)})
            for numbers in itertools.product(*map(range, counts))
        ]
        (facet,) = facets(frame(rows))
        places = {(m.style.color, m.style.dash) for m in facet.members}
        assert len(places) == len(rows) <= COLORS * len(DASHES)

    def test_what_all_share_is_said_once(self) -> None:
        rows = [row(0, loss=loss, regularizer="r1") for loss in ("hinge", "lsgan")]
        (facet,) = facets(frame(rows))
        assert [member.label for member in facet.members] == ["hinge", "lsgan"]
        assert facet.common == "mlp × r1"

    def test_the_palettes(self) -> None:
        assert len(set(LIGHT)) == len(set(DARK)) == COLORS

    def test_the_median_of_infinities(self) -> None:
        values = [np.array(v) for v in ([1.0, math.inf], [math.inf], [2.0, 1.0, -math.inf], [])]
        assert medians(values)[:3].tolist() == [math.inf, math.inf, 1.0]
        assert math.isnan(medians(values)[3])


class TestPictures:
    def test_a_cell_is_shown_by_its_median_seed(self) -> None:
        rows = [row(0, fd=9.0), row(1, fd=3.0), row(2, fd=1.0, status="diverged")]
        (choice,) = choose(frame(rows))
        assert choice.trial == rows[0]["trial"]  # of 3, 9 and infinity
        assert choice.detail == "seed 0, fd 9.00"
        assert [c.trial for c in choose(frame(rows), [rows[2]["trial"]])] == [rows[2]["trial"]]

    @pytest.mark.parametrize("ticks", [1, 4, 45])
    @pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 24)])
    def test_a_strip_gives_the_frames_back(
        self, run_of: Callable[[int, SampleTimeline], RunFolder], ticks: int, shape: tuple[int, ...]
    ) -> None:
        dice = torch.Generator().manual_seed(0)
        film = SampleTimeline()
        for tick in range(ticks + 1):
            images = torch.randint(256, (8, *shape), generator=dice, dtype=torch.uint8)
            film.see(tick, ticks, images)
        run = run_of(ticks, film)
        told = history({"a": [(100 * tick, 9.0) for tick in range(ticks + 1)]})
        strip = read_timeline(run.trial("a"), told)
        assert strip is not None
        assert strip.ticks == [int(tick) for tick in film.frames]
        assert strip.images == [100 * tick for tick in strip.ticks]
        scale = strip.tiles.shape[2] // shape[1]
        expected = torch.stack(list(film.frames.values())).permute(0, 1, 3, 4, 2).numpy()
        assert (strip.tiles[:, :, ::scale, ::scale] == expected).all()

    def test_a_damaged_strip_is_none(self, tmp_path: Path) -> None:
        folder = RunFolder(tmp_path / "run").create().trial("a")
        folder.path.mkdir(parents=True)
        told = history({"a": [(0, 9.0)]})
        assert read_timeline(folder, told) is None
        folder.progress_png.write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
        assert read_timeline(folder, told) is None


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[[int, SampleTimeline], RunFolder]:
    def make(ticks: int, film: SampleTimeline) -> RunFolder:
        run = RunFolder(tmp_path / "run").create()
        run.trial("a").path.mkdir(parents=True)
        save_timeline(run.trial("a").progress_png, film.frames)
        return run

    return make


def _cell(cell: FieldCell | None) -> FieldCell:
    assert cell is not None
    return cell
