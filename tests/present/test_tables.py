from __future__ import annotations

import io
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from made_up_runs import Row, write_synthetic_run

from ganbench.analysis.summary import cell_columns
from ganbench.base.errors import UsageError
from ganbench.base.text import plain
from ganbench.components.column import Column
from ganbench.present.formats import render_table
from ganbench.present.layout import headed, wrapped
from ganbench.present.numbers import decimals, number, texts
from ganbench.present.results_view import make_view
from ganbench.present.selection import check_columns
from ganbench.store.columns import installed
from ganbench.store.frames import load_results
from ganbench.store.run_folder import RunFolder

MakeRow = Callable[..., Row]

HOSTILE = (
    "<script>alert('x')</script> |**a**| [b](c) \\d $e$ 100% #f {g} ~h^ \x1b[31m\u202e _i_ \"j\""
)


@pytest.fixture(scope="module")
def results(mixed_run: RunFolder) -> pd.DataFrame:
    return load_results(mixed_run.path)


@pytest.fixture
def hostile(tmp_path: Path) -> pd.DataFrame:
    def edit(row: Row) -> Row:
        return row | {"status": "error", "error": f"{HOSTILE}\n% {HOSTILE}"} if row["seed"] else row

    run = write_synthetic_run(
        tmp_path / "run", architectures=(HOSTILE,), losses=("x|y", "b_c&d"), edit=edit
    )
    return load_results(run.path)


class TestTerminal:
    def test_a_table_with_reasons_beneath(self, results: pd.DataFrame) -> None:
        text = render_table(results, width=140)
        head, body = text.split("─\n", 1)
        assert re.search(r"architecture +loss +dataset +seed +outcome +fd ↓", head)
        table, notes = body.split("\n\n", 1)
        assert "mlp has no critic" not in table
        assert "digits: metrics on small-cnn" in notes
        assert "skipped  mlp × wgan-gp × digits\n    mlp has no critic of samples" in notes
        assert "RuntimeError: shapes differ" in notes
        assert "regularizer" not in text

    def test_it_sorts_by_data_set_and_distance_with_failures_last(
        self, results: pd.DataFrame
    ) -> None:
        view = make_view(results)
        fd = [line["fd"] for line in view.frame.to_dict("records") if line["status"] == "ok"]
        assert fd == sorted(fd)
        assert view.frame["status"].tolist()[-2:] != ["ok", "ok"]
        assert "skipped" not in set(view.frame["status"])

    def test_by_cell(self, results: pd.DataFrame) -> None:
        text = render_table(results, by_cell=True, width=140)
        assert re.search(r"wgan-gp +digits +3 +1/3 .* \d+\.\d+ \[\d+\.\d+, ∞\]", text)
        assert "degraded 1/3" in text or "stable 2/3" in text
        flat = " ".join(text.split())
        assert "95 % intervals, as [low, high]" in flat
        assert "seed 0, 2000 replicates" in flat
        assert "Intervals are rough where n is as small as 3" in flat
        assert "A trial that failed or diverged stays in n" in flat
        assert "Bold" not in text

    def test_what_is_bold_is_said_where_something_can_be(self, results: pd.DataFrame) -> None:
        text = " ".join(render_table(results, by_cell=True, color=True, width=140).split())
        assert "Bold: the best median of each data set, and the next ones" in text

    @pytest.mark.parametrize("width", [40, 60, 80, 100, 130, 160, 200])
    @pytest.mark.parametrize("by_cell", [False, True])
    def test_it_fits_the_width(self, results: pd.DataFrame, width: int, by_cell: bool) -> None:
        text = render_table(results, width=width, by_cell=by_cell)
        assert max(map(len, text.splitlines())) <= width
        assert "fd" in text
        whole = {
            word.strip(",:;") for word in render_table(results, width=999, by_cell=by_cell).split()
        }
        assert {"dcgan[width=32]", "non-saturating"} & whole <= {
            w.strip(",:;") for w in text.split()
        }
        assert ("Too narrow for: " in text) == (width < 150)

    def test_columns_that_were_asked_for_are_all_there(self, results: pd.DataFrame) -> None:
        names = ["loss", "seed", "precision", "recall", "density", "coverage", "peak_memory_mb"]
        text = render_table(results, columns=names, width=50)
        assert "Too narrow" not in text
        assert "memory" in text
        assert len(re.findall(r"(?: [01]\.\d{3}){4}", re.sub(" +", " ", text))) == 9

    def test_color_only_where_it_is_wanted(
        self, results: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert "\x1b[" not in render_table(results)
        assert "\x1b[" in render_table(results, color=True)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.delenv("NO_COLOR", raising=False)
        assert "\x1b[" in render_table(results, width=120)
        monkeypatch.setenv("NO_COLOR", "1")
        assert "\x1b[" not in render_table(results, width=120)

    def test_nothing_in_a_name_reaches_the_terminal(self, hostile: pd.DataFrame) -> None:
        text = render_table(hostile, width=400)
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "[b](c)" in text.replace("\n", "")

    def test_a_terminal_that_knows_no_unicode(
        self, results: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
        text = render_table(results, by_cell=True, columns=["loss", "fd", "fd_range"])
        text.encode("ascii")
        assert "median v" in text

    def test_an_empty_run(self, run: RunFolder, row: MakeRow) -> None:
        assert render_table(load_results(run.path)) == "No trial has ended yet."
        run.trial("a").write_row(row(status="skipped", error="no way"))
        text = render_table(load_results(run.path))
        assert text.startswith("No trial could run.")
        assert "no way" in text
        assert "no way" in render_table(load_results(run.path), by_cell=True)

    def test_a_long_list_of_failures_is_cut(self, tmp_path: Path) -> None:
        run = write_synthetic_run(
            tmp_path / "run", seeds=9, edit=lambda row: row | {"status": "crashed", "error": None}
        )
        text = render_table(load_results(run.path))
        assert "and 16 more" in text
        assert "its process died" in text


class TestColumns:
    def test_a_regularizer_is_shown_where_there_is_one(self, run: RunFolder, row: MakeRow) -> None:
        run.trial("a").write_row(row("a"))
        run.trial("b").write_row(row("b", regularizer="r1[gamma=0.1]"))
        names = [column.name for column in make_view(load_results(run.path)).columns]
        assert names[:5] == ["architecture", "loss", "dataset", "regularizer", "seed"]

    def test_fid_stands_in_for_fd_where_it_is_the_same(self, run: RunFolder, row: MakeRow) -> None:
        run.trial("a").write_row(row("a", fd=2.0, fid=2.0))
        run.trial("b").write_row(row("b", fd=None, status="error"))
        for by_cell in (False, True):
            view = make_view(load_results(run.path), by_cell=by_cell)
            names = {column.name for column in view.columns}
            assert names & {"fd", "fid", "fd_median", "fid_median"} == (
                {"fid_median"} if by_cell else {"fid"}
            )
        run.trial("c").write_row(row("c", fd=2.0, fid=None, dataset="digits"))
        names = {column.name for column in make_view(load_results(run.path)).columns}
        assert {"fd", "fid"} <= names

    def test_a_setting_is_shown_where_it_differs(self, run: RunFolder, row: MakeRow) -> None:
        run.trial("a").write_row(row("a", batch_size=64))
        run.trial("b").write_row(row("b", batch_size=128))
        for by_cell in (False, True):
            view = make_view(load_results(run.path), by_cell=by_cell)
            assert "batch_size" in [column.name for column in view.columns]

    def test_speeds_that_nobody_measured_are_named_with_the_way_to_them(
        self, run: RunFolder, row: MakeRow
    ) -> None:
        run.trial("a").write_row(row("a", exclusive=False))
        text = render_table(load_results(run.path), by_cell=True, width=400)
        notes = [line for line in text.splitlines() if line.startswith("No speeds")]
        assert notes == [
            "No speeds: every trial shared its device with another; `ganbench run … -j 1`, alone on the "
            "device, measures the speed of new trials"
        ]
        assert "No speeds" not in render_table(load_results(run.path), columns=["fd"])

    def test_old_protocols_are_named_once(self, run: RunFolder, row: MakeRow) -> None:
        run.trial("a").write_row(row("a", protocol="3"))
        run.trial("b").write_row(row("b", seed=1))
        text = render_table(load_results(run.path), width=400)
        assert text.count("protocol 1 and 3") == 1
        assert "equal protocol" not in text

    def test_speeds_on_a_shared_device_are_left_out(self, run: RunFolder, row: MakeRow) -> None:
        run.trial("a").write_row(row("a", exclusive=False, images_per_second=9.0))
        run.trial("b").write_row(row("b", images_per_second=5.0))
        view = make_view(load_results(run.path), columns=["images_per_second"])
        assert sorted(view.columns[0].cells) == ["5.0", "–"]

    def test_operations_without_a_fixed_order_are_named_beneath(
        self, run: RunFolder, row: MakeRow
    ) -> None:
        for trial, names in (("a", "put_"), ("b", "put_, cumsum_cuda_kernel"), ("c", None)):
            known = {"deterministic": names is None, "nondeterministic": names}
            run.trial(trial).write_row(row(trial, seed=ord(trial), **known))
        text = " ".join(render_table(load_results(run.path), width=400).split())
        assert (
            "2 trials used cumsum_cuda_kernel, put_, which PyTorch cannot compute in a fixed"
            in text
        )

    def test_the_best_of_each_data_set_is_marked(self, run: RunFolder, row: MakeRow) -> None:
        given = [("x", 2.0, "ok"), ("x", 1.0, "ok"), ("x", 0.1, "diverged"), ("y", 7.0, "ok")]
        for seed, (dataset, fd, status) in enumerate(given):
            changes = {"dataset": dataset, "fd": fd, "status": status, "seed": seed}
            run.trial(str(seed)).write_row(row(str(seed), extractor="e", **changes))
        view = make_view(load_results(run.path), columns=["fd"])
        assert view.columns[0].cells == ["1.000", "2.000", "0.100", "7.000"]
        assert view.columns[0].best == [True, False, False, False]

    def test_unknown_columns_are_named_with_what_is_near(self, results: pd.DataFrame) -> None:
        with pytest.raises(UsageError, match="no column 'verdct'; did you mean 'verdict'"):
            render_table(results, columns=["verdct"])
        with pytest.raises(UsageError, match="no column 'precison'"):
            render_table(results, sort="precison")

    def test_a_metric_of_cells_is_its_median(self, results: pd.DataFrame) -> None:
        view = make_view(results, by_cell=True, columns=["loss", "fd"], sort="precision")
        assert [column.name for column in view.columns] == ["loss", "fd_median"]
        assert view.frame["precision_median"].is_monotonic_decreasing

    def test_the_best_come_first_and_missing_ones_last(self, run: RunFolder, row: MakeRow) -> None:
        for trial, score in (("a", 1.0), ("b", None), ("c", 3.0), ("d", 2.0)):
            run.trial(trial).write_row(row(trial, is_mean=score))
        view = make_view(load_results(run.path), sort="is_mean")
        assert view.frame["trial"].tolist() == ["c", "d", "a", "b"]
        assert make_view(load_results(run.path), sort="trial").frame["trial"].tolist() == list(
            "abcd"
        )


def known(name: str) -> Column:
    columns = installed()
    return cell_columns(columns).and_others(columns.whole)[name]


class TestNumbers:
    @pytest.mark.parametrize(
        ("name", "values", "expected"),
        [
            ("fd", [12.345, 8.1], ["12.35", "8.10"]),
            ("fd", [1234.5, 2345.6], ["1,234", "2,346"]),
            ("fd", [0.01234, 0.2], ["0.012", "0.200"]),
            ("fd", [0.0012345, 0.002], ["0.00123", "0.00200"]),
            ("fd", [5.0, math.nan, math.inf, -math.inf], ["5.000", "–", "∞", "−∞"]),
            ("fd", [123.0, 1e-9], ["123.00", "1.0e-09"]),
            ("precision", [0.5, 1.0], ["0.500", "1.000"]),
            ("recall_median", [0.02, 0.01], ["0.020", "0.010"]),
            ("images_per_second", [12345.6, 99.9], ["12,346", "100"]),
            ("images_per_second", [5.55, 99.9], ["5.5", "99.9"]),
            ("fd", [math.nan], ["–"]),
            ("fd", [0.0, -0.000001], ["0.00000", "-1.0e-06"]),
        ],
    )
    def test_a_column_shares_its_decimals(
        self, name: str, values: list[float], expected: list[str]
    ) -> None:
        assert texts(pd.Series(values), known(name)) == expected

    def test_whole_numbers_texts_and_truth_values(self) -> None:
        assert texts(pd.Series([12345, None], dtype="Int64"), known("seed")) == ["12345", "–"]
        assert texts(pd.Series([12345], dtype="Int64"), known("images")) == ["12,345"]
        assert texts(pd.Series([True, False, None], dtype="boolean"), known("exclusive")) == [
            "yes",
            "no",
            "–",
        ]
        assert texts(pd.Series(["a\nb\x1b", None], dtype="string"), known("error")) == ["a b", "–"]

    def test_helpers(self) -> None:
        assert decimals(known("fd"), []) == 0
        assert number(1234.5, 1) == "1,234.5"
        assert plain("a\r\n\tb\x9b") == "a b"


class TestLayout:
    @pytest.mark.parametrize(
        ("text", "width", "expected"),
        [
            ("dcgan[width=32,d_norm=layer]", 15, "dcgan[width=32,\nd_norm=layer]"),
            ("resnet[d_norm=batch]", 15, "resnet[\nd_norm=batch]"),
            ("r1[lazy_regularization=16]", 16, "r1[lazy_\nregularization=\n16]"),
            ("non-saturating", 8, "non-\nsaturati\nng"),
            ("two words", 6, "two\nwords"),
            ("stable 1/3, error 1/3, oom 1/3", 16, "stable 1/3,\nerror 1/3,\noom 1/3"),
            ("3.72 [3.10, ∞]", 11, "3.72\n[3.10, ∞]"),
            ("4.9 – 46.8", 8, "4.9\n– 46.8"),
            ("abcdefgh", 3, "abc\ndef\ngh"),
            ("short", 15, "short"),
            ("", 5, ""),
        ],
    )
    def test_text_breaks_at_its_joints(self, text: str, width: int, expected: str) -> None:
        assert wrapped(text, width) == expected

    def test_words_stay_whole_where_columns_can_go(self, tmp_path: Path) -> None:
        spec = "dcgan[d_norm=spectral,lazy_regularization=16,width=32]"
        run = write_synthetic_run(tmp_path / "run", architectures=(spec,), losses=("unsaturated",))
        text = render_table(load_results(run.path), width=72)
        cells = {line.split()[0] for line in text.splitlines() if line[:1].isalpha()}
        assert {"dcgan[d_norm=spectral,", "lazy_regularization=16,", "width=32]"} <= cells

    def test_an_arrow_stays_with_its_word(self) -> None:
        assert headed("images per second ↑", 8) == "images\nper\nsecond ↑"


@pytest.mark.parametrize("name", ["optimizer", "g_optimizer"])
def test_a_setting_is_sought_in_the_column_that_holds_it(name: str) -> None:
    frame = pd.DataFrame({"settings": ['{"d_optimizer": "adam", "g_optimizer": "adam"}', None]})
    with pytest.raises(UsageError, match=r"the column 'settings' holds .*g_optimizer, as JSON"):
        check_columns(frame, [name])
