"""Tables, pictures and figures of the report, before they become a page."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_runs import Row, write_synthetic_run
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ganbench.present.results_view import exact
from ganbench.report.content import Report, gather
from ganbench.report.page_figures import Figure, page_figures
from ganbench.report.pictures import encode, encode_all
from ganbench.report.plotly_renderer.axes import extent
from ganbench.report.tables import Table
from ganbench.store.frames import load_history, load_results
from ganbench.store.run_folder import RunFolder


def strings(value: Any) -> set[str]:
    """All texts in a figure, at every depth."""
    if isinstance(value, dict):
        return set().union(*map(strings, value.values()))
    if isinstance(value, list):
        return set().union(*map(strings, value))
    return {value} if isinstance(value, str) else set()


def drawn(run: RunFolder, kind: str) -> list[Figure]:
    """The figures of a kind."""
    return page_figures(load_results(run.path), load_history(run.path))[kind]


@pytest.fixture(scope="module")
def report(reported_run: RunFolder) -> Report:
    return gather(reported_run.path)


@pytest.fixture(scope="module")
def trials(report: Report) -> Table:
    return report.trials


class TestTables:
    def test_every_trial_has_a_row_and_every_column_a_place(
        self, reported_run: RunFolder, trials: Table
    ) -> None:
        frame = exact(load_results(reported_run.path))
        names = [column.name for column in trials.columns if not column.derived]
        assert names == [*frame.columns]
        assert trials.count == len(frame) == 16

    def test_values_are_exact_and_in_the_order_of_the_texts(
        self, reported_run: RunFolder, trials: Table
    ) -> None:
        frame = load_results(reported_run.path).set_index("trial")
        by_name = {column.name: column for column in trials.columns}
        for row, trial in enumerate(by_name["trial"].values):
            expected = frame.loc[trial, "fd"]
            value = by_name["fd"].values[row]
            assert (value is None) == bool(pd.isna(expected))
            assert value is None or value == expected

    def test_speeds_on_shared_devices_are_in_the_data_only(self, tmp_path: Path) -> None:
        run = write_synthetic_run(
            tmp_path / "run", losses=("x",), seeds=1, edit=lambda row: row | {"exclusive": False}
        )
        table = gather(run.path).trials
        speeds = next(column for column in table.columns if column.name == "images_per_second")
        assert speeds.texts == ["–", "–"]
        assert all(value > 1000 for value in speeds.values)

    def test_what_recurs_is_stored_once(self, trials: Table) -> None:
        record = next(c for c in trials.record()["columns"] if c["name"] == "loss")
        assert sorted(record["values"]["of"]) == ["non-saturating", "wgan-gp"]
        assert len(record["values"]["at"]) == 16

    def test_stability_is_a_set_of_columns(self, trials: Table) -> None:
        assert {"fd_drift", "fd_rough", "d_auc", "d_sat"} <= {*trials.presets["Stability"]}

    def test_choices_are_those_that_tell_rows_apart(self, trials: Table) -> None:
        names = [choice.column for choice in trials.choices]
        assert names == ["architecture", "loss", "dataset", "outcome"]


class TestPictures:
    def test_small_ones_stay_as_they_are(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        Image.new("L", (64, 64), 7).save(path)
        found = encode(path)
        assert found is not None
        assert base64.b64decode(found.uri.partition(",")[2]) == path.read_bytes()

    def test_large_ones_shrink_to_their_budget(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        found = encode(path, budget=20_000)
        assert found is not None
        content = base64.b64decode(found.uri.partition(",")[2])
        assert found.uri.startswith("data:image/webp")
        assert len(content) <= 20_000
        assert (found.width, found.height) == (400, 300)

    def test_enlarged_pixels_become_single_ones(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
        Image.fromarray(noise.repeat(4, 0).repeat(4, 1)).save(path)
        found = encode(path, budget=30_000)
        assert found is not None
        assert found.shrunk
        content = base64.b64decode(found.uri.partition(",")[2])
        assert Image.open(io.BytesIO(content)).size == (100, 100)

    def test_damaged_and_missing_ones_are_none(self, tmp_path: Path) -> None:
        good, torn, other = (tmp_path / name for name in ("good.png", "torn.png", "other.png"))
        Image.new("RGB", (90, 90), (1, 2, 3)).save(good)
        torn.write_bytes(good.read_bytes()[:60])
        other.write_text("<svg/>")
        vast = tmp_path / "vast.png"
        Image.new("1", (20_000, 20_000)).save(vast)
        found = encode_all([good, torn, other, vast, tmp_path / "none.png"])
        assert [path for path, picture in found.items() if picture] == [good]


class TestTimelines:
    def test_each_row_of_a_timeline_is_a_tick(self, report: Report) -> None:
        timelines = [p.timeline for g in report.galleries for p in g.pictures if p.timeline]
        assert len(timelines) == 10
        assert report.ticks == [0, 1, 2, 3, 4]
        for timeline in timelines:
            assert timeline.ticks == report.ticks
            assert math.isclose(timeline.pitch * 5, 1, rel_tol=0.05)
            assert timeline.notes[1].startswith("tick 1 · 50,000 images · fd ")

    def test_the_file_tells_its_ticks_and_its_gap(self, tmp_path: Path) -> None:
        run = write_synthetic_run(tmp_path / "run", seeds=1, ticks=9, losses=("x",), pictures=True)
        known = PngInfo()
        known.add_text("ticks", "0 4 9")
        known.add_text("gap", "4")
        first, second = run.trials()
        Image.new("L", (4 + 8 * 68, 4 + 3 * 68)).save(first.progress_png, pnginfo=known)
        Image.new("L", (4 + 8 * 68, 4 + 3 * 68)).save(second.progress_png)
        one, other = (g.pictures[0].timeline for g in gather(run.path).galleries)
        assert one is not None
        assert (one.ticks, one.pitch) == ([0, 4, 9], 68 / 208)
        assert other is None


class TestFigures:
    def test_a_heat_map_shows_failed_and_skipped_cells_with_a_sign(
        self, reported_run: RunFolder
    ) -> None:
        first, second = drawn(reported_run, "heat-map")
        assert (first.title, second.title) == ("digits", "mnist")
        layout = first.views[0].layout
        assert [note["text"] for note in layout["annotations"]] == ["∞ 1/2 failed !", "∅ skipped"]
        assert len(layout["shapes"]) == 2
        assert any("no gradient of single samples" in text for text in strings(first.views[0].data))
        states = [row[first.data.headers.index("state")] for row in first.data.rows]
        assert sorted(states) == ["ok", "ok", "partly failed", "skipped"]

    def test_curves_have_a_view_over_images_and_one_over_seconds(
        self, reported_run: RunFolder
    ) -> None:
        figures = drawn(reported_run, "curves")
        assert [[view.name for view in f.views] for f in figures] == [["Images", "Seconds"]] * 2
        first = figures[0]
        assert [entry.label for entry in first.legend] == [
            "dcgan[width=32] × non-saturating",
            "dcgan[width=32] × wgan-gp",
            "mlp × non-saturating",
        ]
        groups = {trace["legendgroup"] for view in first.views for trace in view.data}
        assert groups == {entry.group for entry in first.legend}
        assert len(first.data.rows) == 5 * 5  # five trials have five ticks each

    def test_markup_in_names_reaches_no_figure(self, tmp_path: Path) -> None:
        names = ("<b>x</b>", "<a href='javascript:y'>z</a>")
        run = write_synthetic_run(
            tmp_path / "run", architectures=names, losses=("<i>l</i>", "m"), datasets=names[:1],
            edit=_failing,
        )  # fmt: skip
        figures = gather(run.path).figures
        assert len(figures) >= 6
        for figure in figures:
            shown = strings([[v.data, v.layout] for v in figure.views])
            assert not [text for text in shown if "<" in text.replace("<br>", "")]
            assert any("&lt;" in text for text in shown)

    def test_distances_that_are_zero_or_single(self, tmp_path: Path) -> None:
        run = write_synthetic_run(
            tmp_path / "run", architectures=("mlp",), losses=("x",), seeds=1, table=False
        )
        (trial,) = run.trial_ids()
        run.trial(trial).write_history([{"tick": 0, "images": 0, "fd": -1e-6}])
        (figure,) = drawn(run, "curves")
        assert figure.views[0].layout["yaxis"]["type"] == "linear"
        run.trial(trial).write_history([{"tick": 0, "images": 0, "fd": float("nan")}])
        anchors = [figure.anchor for figure in gather(run.path).figures]
        assert not [anchor for anchor in anchors if anchor.startswith("curves")]

    def test_stability_has_a_dot_for_each_trial(self, reported_run: RunFolder) -> None:
        figure = drawn(reported_run, "stability")[0]
        assert [view.name for view in figure.views][:4] == [
            "fd_drift",
            "fd_rough",
            "d_auc",
            "d_sat",
        ]
        dots = figure.views[0].data[1]
        assert len(dots["x"]) == 6 == len(figure.data.rows)

    def test_ranges_leave_out_what_is_not_finite(self) -> None:
        ranges = extent([10.0, math.inf, 1000.0, math.nan], 0.1)
        assert ranges["linear"] == pytest.approx([-89, 1099])
        assert ranges["log"] == pytest.approx([0.8, 3.2])
        assert "log" not in extent([0.0, 1.0])
        assert extent([math.nan]) == {}


def _failing(row: Row) -> Row:
    if row["loss"] == "m" and row["seed"]:
        return row | {"status": "error", "error": "<u>wrong</u>", "fd": None}
    return row


class TestFindings:
    def test_where_all_have_failed_no_component_is_compared(self, tmp_path: Path) -> None:
        def failed(row: Row) -> Row:
            return row | {"status": "error", "fd": None, "fd_best": None, "verdict": None}

        run = write_synthetic_run(tmp_path / "run", edit=failed)
        found = gather(run.path).findings
        assert [text for text in found if "tell" in text] == []
        assert any("8 failed" in text for text in found)
