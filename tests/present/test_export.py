"""Results as Markdown, LaTeX, CSV, JSON and Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_runs import Row, write_synthetic_run

from ganbench.components.column import Column
from ganbench.present.formats import (
    FORMATS,
    render_frame,
    render_results,
    to_csv,
    to_json,
    to_parquet,
)
from ganbench.present.latex import latex, latex_estimate
from ganbench.present.result_frame import json_records
from ganbench.present.results_view import exact
from ganbench.present.view import Estimate, estimates
from ganbench.store.frames import load_results
from ganbench.store.run_folder import RunFolder

MakeRow = Callable[..., Row]

NAMES = (
    "<script>alert('x')</script> |**a**| [b](c) \\d $e$ 100% #f {g} ~h^ \x1b[31m\u202e _i_ \"j\"",
    "=cmd|' /C calc'!A0",
    "+1", "-1", "@SUM(A1)", "NA", "nan", "null", "a\r\nb\rc", " padded ",
    "``q`` ''r'' --s ,,t", "\U0001f600 \u540d", "ends\\", "![i](https://x.example) www.x.example",
    "<!-- c -->", "&amp;", "x" * 300,
)  # fmt: skip


@pytest.fixture(scope="module")
def results(mixed_run: RunFolder) -> pd.DataFrame:
    return load_results(mixed_run.path)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    def edit(row: Row) -> Row:
        error = f"{row['architecture']}\n% {row['architecture']}"
        return row | ({"status": "error", "error": error} if row["seed"] else {})

    path = tmp_path_factory.mktemp("hostile") / "run"
    run = write_synthetic_run(path, architectures=NAMES, losses=("b_c&d",), edit=edit)
    return load_results(run.path)


def check_latex(text: str, lines: int) -> None:
    """The structure that TeX would trip over: columns, braces, mathematics, comments."""
    body = [line for line in text.splitlines() if not line.startswith("%")]
    start = next(i for i, line in enumerate(body) if line.startswith(r"\begin{tabular}"))
    end = body.index(r"\end{tabular}")
    columns = len(re.fullmatch(r"\\begin\{tabular\}\{([lr]+)\}", body[start])[1])  # type: ignore[index]
    rows = [line for line in body[start:end] if line.endswith(r" \\")]
    assert len(rows) == lines + 1
    assert [line for line in body[start + 1 : end] if line not in rows] == [
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
    ]
    for line in rows:
        assert len(re.findall(r"(?<!\\)&", line)) == columns - 1
    for line in (*rows, *body[end + 1 :]):
        depth, math_mode = 0, False
        for token in re.findall(r"\\[A-Za-z]+|\\.|.", line):
            depth += {"{": 1, "}": -1}.get(token, 0)
            assert depth >= 0
            math_mode ^= token == "$"
            assert math_mode or token not in ("_", "^", r"\pm", r"\infty", r"\times")
            assert token not in ("%", "#", "~")
        assert depth == 0
        assert not math_mode


class TestResults:
    def test_csv_keeps_every_digit_and_row(self, results: pd.DataFrame) -> None:
        lines = list(csv.DictReader(io.StringIO(to_csv(exact(results)))))
        assert len(lines) == len(results)
        assert {float(line["fd"]) for line in lines if line["fd"]} == set(results["fd"].dropna())
        assert list(lines[0]) == list(results.columns)

    def test_json_is_strict(self, run: RunFolder, row: MakeRow) -> None:
        values = {"fd": math.nan, "fd_best": math.inf, "steps": 3, "fid": None, "exclusive": True}
        run.trial("a").write_row(row("a", status="diverged", **values))
        text = to_json(exact(load_results(run.path)))
        (record,) = json.loads(text, parse_constant=pytest.fail)
        assert [record[name] for name in values] == [None, None, 3, None, True]
        assert json_records(pd.DataFrame({"a": [np.float64("nan")], "b": [None]})) == [
            {"a": None, "b": None}
        ]

    def test_parquet_is_a_table_with_its_types(self, results: pd.DataFrame, tmp_path: Path) -> None:
        (tmp_path / "t.parquet").write_bytes(to_parquet(exact(results)))
        found = pd.read_parquet(tmp_path / "t.parquet")
        pd.testing.assert_frame_equal(found, exact(results))

    def test_chosen_columns(self, results: pd.DataFrame) -> None:
        frame = exact(results, columns=["loss", "outcome", "fd"], sort="seed")
        assert list(frame.columns) == ["loss", "outcome", "fd"]
        frame = exact(results, by_cell=True, columns=["fd", "fd_max"])
        assert list(frame.columns) == ["fd_median", "fd_max"]

    def test_markdown(self, results: pd.DataFrame) -> None:
        text = render_results(results, "markdown", columns=["architecture", "loss", "seed", "fd"])
        lines = text.splitlines()
        assert lines[0] == "| architecture | loss | seed | Fréchet distance, N = 10,000 ↓ |"
        assert lines[1] == "| --- | --- | ---: | ---: |"
        assert "**" in lines[2]
        assert "- skipped: mlp × wgan-gp × digits: mlp has no critic of samples; use dcgan" in lines

    @pytest.mark.parametrize("by_cell", [False, True])
    def test_markdown_is_escaped(self, hostile: pd.DataFrame, by_cell: bool) -> None:
        text = render_results(
            hostile, "markdown", by_cell=by_cell, columns=["architecture", "loss", "fd"]
        )
        table = text.split("\n\n")[0].splitlines()
        assert len(table) == 2 + (len(NAMES) if by_cell else len(hostile))
        for line in table:
            assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == 4
        assert "<" not in re.sub(r"\\<", "", text)
        assert not re.search(r"https?://|www\.x|\$|(?<!\\)\]\(", text)
        assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
        assert "b_c&amp;d" in text
        assert "&amp;amp;" in text

    def test_latex(self, results: pd.DataFrame) -> None:
        text = render_results(
            results, "latex", by_cell=True, columns=["architecture", "fd", "fd_range"]
        )
        assert r"\begin{tabular}{lrl}" in text
        head = (
            r"architecture & Fréchet distance, N = 10,000 $\downarrow$ & Fréchet distance, range \\"
        )
        assert head in text
        assert r"$_{-" in text
        assert r"^{+\infty}$" in text
        assert r"\textbf{\boldmath " in text
        assert "dcgan{[}width=32{]}" in text
        table, _, beneath = text.partition(r"\end{tabular}")
        assert r"\begingroup\setbox0\hbox\bgroup" in table.splitlines()
        assert r"\begin{minipage}{\wd0}" in beneath.splitlines()  # as wide as the table
        assert "seed 0, 2000 replicates." in beneath
        assert "Bold: the best median" in beneath
        check_latex(text, 3)
        check_latex(render_results(results, "latex"), 9)

    @pytest.mark.parametrize("by_cell", [False, True])
    def test_latex_is_escaped(self, hostile: pd.DataFrame, by_cell: bool) -> None:
        columns = ["architecture", "loss", "fd", "peak_memory_mb"]
        text = render_results(hostile, "latex", by_cell=by_cell, columns=columns)
        check_latex(text, len(NAMES) if by_cell else len(hostile))
        assert r"\textbackslash{}d \$e\$" in text
        assert "`" not in re.sub("(?m)^%.*", "", text)
        assert r"b\_c\&d" in text
        assert re.search(r"\\ifdefined\\Umathchar .\\else U\+1F600\\fi{}", text)

    def test_units_stand_in_heads(self, results: pd.DataFrame) -> None:
        names = ["images_per_second", "train_seconds", "peak_memory_mb", "step_ms"]
        head = render_results(results, "markdown", columns=names).splitlines()[0]
        heads = ["real images per second ↑", "training time (s)", "peak memory (MiB) ↓"]
        assert head == f"| {' | '.join([*heads, 'time of a step (ms) ↓'])} |"

    @pytest.mark.parametrize("by_cell", [False, True])
    def test_every_text_comes_back_from_csv(self, hostile: pd.DataFrame, by_cell: bool) -> None:
        table = exact(hostile, by_cell=by_cell)
        types = {str(name): str(dtype) for name, dtype in table.dtypes.items()}
        file = io.BytesIO(to_csv(table).encode())
        found = pd.read_csv(file, keep_default_na=False, na_values=[""], dtype=types)  # type: ignore[arg-type]
        pd.testing.assert_frame_equal(found, table, check_exact=True)
        records = json.loads(to_json(table), parse_constant=pytest.fail)
        assert [record["architecture"] for record in records] == table["architecture"].tolist()
        again = pd.read_parquet(io.BytesIO(to_parquet(table)))
        pd.testing.assert_frame_equal(again, table)
        assert again.attrs == table.attrs


class TestEstimates:
    @pytest.mark.parametrize(
        ("value", "low", "high", "bracketed", "signed", "tex"),
        [
            (3.72, 3.1, 4.3, "3.72 [3.10, 4.30]", "3.72 ± 0.62", r"3.72 $\pm$ 0.62"),
            (3.0, 2.5, 4.0, "3.00 [2.50, 4.00]", "3.00 [2.50, 4.00]", "3.00$_{-0.50}^{+1.00}$"),
            (3.0, 2.0, math.inf, "3.00 [2.00, ∞]", "3.00 [2.00, ∞]", r"3.00$_{-1.00}^{+\infty}$"),
            (math.inf, 2.0, math.inf, "∞", "∞", r"$\infty$"),
            (math.inf, math.inf, math.inf, "∞", "∞", r"$\infty$"),
            (3.0, math.nan, math.nan, "3.00", "3.00", "3.00"),
            (math.nan, math.nan, math.nan, "–", "–", "--"),
            (3.0, 3.0, 3.0, "3.00 [3.00, 3.00]", "3.00 [3.00, 3.00]", "3.00$_{-0.00}^{+0.00}$"),
            (
                -2.0,
                -2.001,
                -1.999,
                "-2.0000 [-2.0010, -1.9990]",
                "-2.0000 ± 0.0010",
                r"$-$2.0000 $\pm$ 0.0010",
            ),
        ],
    )
    def test_one(
        self, value: float, low: float, high: float, bracketed: str, signed: str, tex: str
    ) -> None:
        (first, _) = estimates(Column("x"), *(np.array([x, 4.0]) for x in (value, low, high)))
        assert (first.bracketed(), first.signed(), latex_estimate(first)) == (
            bracketed,
            signed,
            tex,
        )

    def test_a_half_width_is_the_longer_side(self) -> None:
        (found, _) = estimates(Column("x"), *(np.array([x, 4.0]) for x in (5.0, 4.05, 6.0)))
        assert found.signed() == "5.00 ± 1.00"

    def test_large_and_small_ones_in_latex(self) -> None:
        large = Estimate("1,234", "1,000", "2,468", down="234", up="1,234")
        assert latex_estimate(large) == r"1,234$_{-234}^{+1{,}234}$"
        assert latex_estimate(Estimate("1.0e-09")) == r"1.0$\times 10^{-9}$"
        assert latex("a--b,,c") == "a-{}-b,{},c"


class TestAnyFrame:
    frame = pd.DataFrame(
        {
            "loss": ["a|b", "hinge"],
            "gain": [0.5, math.nan],
            "gain_low": [0.4, 1.0],
            "gain_high": 0.6,
        }
    ).astype({"loss": "string"})

    def test_every_format(self) -> None:
        for format_ in FORMATS[:-1]:
            text = render_frame(
                self.frame,
                format_,
                footnotes=["95 % intervals"],
                bold={"gain": [True, False]},
                headers={"loss": "Loss"},
                intervals={"gain": ("gain_low", "gain_high")},
                columns=[Column("gain", "float64", "nats", "", "higher")],
                marks="Bold: the best",
            )
            assert text.endswith("\n")
            people = format_ in ("table", "markdown", "latex", "html")
            assert ("intervals" in text) == people
            assert ("gain_low" in text) != people
            assert ("Bold" in text) == (format_ in ("markdown", "latex", "html"))
            if format_ == "markdown":
                assert text.splitlines()[0] == "| Loss | gain (nats) ↑ |"
                assert text.splitlines()[2] == r"| a\|b | **0.500 ± 0.100** |"
            if format_ == "latex":
                check_latex(text, 2)

    def test_no_other_format(self) -> None:
        with pytest.raises(ValueError, match="expected one of table, csv"):
            render_frame(self.frame, "yaml")
