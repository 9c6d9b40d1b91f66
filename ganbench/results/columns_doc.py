"""``docs/columns.md``, written from the schema: ``python -m ganbench.results.columns_doc``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ganbench.results.cell_columns import COLUMNS as CELL_COLUMNS
from ganbench.results.effect_columns import COMPARISON_COLUMNS, RANKING_COLUMNS
from ganbench.results.schema import (
    EXTRA_COLUMNS,
    HISTORY_COLUMNS,
    ROW_COLUMNS,
    STATUSES,
    VERDICTS,
    Column,
)

_HEAD = """\
# Columns

<!-- Generated from the code that makes the columns: `python -m ganbench.results.columns_doc`. -->

`ganbench.load_results(DIR)` gives one row per trial, `ganbench.load_history(DIR)` one per trial and
evaluation tick. The columns of both are always there, in this order and with this pandas dtype; data
sets and later versions may add others behind them. An arrow says which direction is better.

`row.json` holds `null` where there is no value, and the texts `"NaN"`, `"Infinity"` and
`"-Infinity"` for numbers that are not finite. In `history.csv` an empty field is no value, and
`nan`, `inf` and `-inf` are numbers. `results.parquet` is made from the `row.json` files; readers take
a row from its file wherever the file is newer.

`ganbench results DIR --format csv|json|parquet` writes a frame with every digit. CSV leaves a field
empty where there is no value and changes no text, so that what is read back is what was written:
`pandas.read_csv(file, keep_default_na=False, na_values=[""])`. A name that begins with `=`, `+`, `-` or
`@` is a formula to a spreadsheet: import columns as text if you did not choose the plugins yourself.
JSON has `null` for what is missing or not finite.
"""

_CELLS = """\
`ganbench results DIR --by-cell` gives one row per cell. Trials that did not end `ok` stay in `n` and
count as the worst value there is: infinite, or minus infinite where higher is better. Intervals are of
the median over seeds: the bootstrap's standard error with Student's t, on the logarithm of metrics
that are positive without bound (see docs/statistics.md); missing where fewer than three seeds have the
metric, of which tables then show the two values, `3.72 / 4.06`, in the order of the seeds. Columns of a
metric are there where a trial has the metric. Tables mark in bold the best median among cells of the
same data, features, evaluation settings, budget and protocol, and every cell whose difference from it
(seed by seed where seeds are shared) has an interval that holds zero; the number of comparisons is not
corrected for, and cells of fewer than three seeds are never bold, unless all have one. `--columns` also
takes `fd` for `fd_median`; tables have `fd_range`, the least to the greatest value, and `differs`, the
settings that tell cells of equal components apart, as well.
"""

_COMPARISONS = """\
`ganbench compare DIR A B --format csv|json` gives one line per context in which both sides were trained,
the last for all contexts. Intervals and `p` are missing where no context has three seeds.
"""

_RANKS = """\
`ganbench rank DIR --by loss --format csv|json` gives one line per component, the best first.
Intervals and `p` are missing where no context has three seeds.
"""


def columns_document() -> str:
    """The whole document."""
    parts = [
        _HEAD,
        _section("Rows", ROW_COLUMNS),
        _section("Columns that rows may have besides", EXTRA_COLUMNS),
        _section("Histories", HISTORY_COLUMNS),
        _section("Cells", CELL_COLUMNS, _CELLS),
        _section("Comparisons", COMPARISON_COLUMNS, _COMPARISONS),
        _section("Ranks", RANKING_COLUMNS, _RANKS),
        _words("`status`", STATUSES),
        _words("`verdict`, the first that holds", VERDICTS),
    ]
    return "\n".join(parts)


def _section(title: str, columns: Iterable[Column], introduction: str = "") -> str:
    lines = [
        f"## {title}",
        "",
        *([introduction] if introduction else []),
        "| column | type | unit | better | meaning |",
        "|---|---|---|---|---|",
    ]
    for column in columns:
        arrow = {"lower": "↓", "higher": "↑"}.get(column.better, "")
        fields = (f"`{column.name}`", column.dtype, column.unit, arrow, column.meaning)
        lines.append("| " + " | ".join(fields) + " |")
    return "\n".join(lines) + "\n"


def _words(title: str, words: Mapping[str, str]) -> str:
    return "\n".join([f"## {title}", "", *(f"- `{w}`: {text}" for w, text in words.items())]) + "\n"


if __name__ == "__main__":
    print(columns_document(), end="")
