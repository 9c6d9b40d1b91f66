"""``docs/columns.md``, written from the schema: ``python -m ganbench.results.columns_doc``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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

<!-- Generated from ganbench/results/schema.py by `python -m ganbench.results.columns_doc`. -->

`ganbench.load_results(DIR)` gives one row per trial, `ganbench.load_history(DIR)` one per trial and
evaluation tick. The columns below are always there, in this order and with this pandas dtype; data
sets and later versions may add others behind them. An arrow says which direction is better.

`row.json` holds `null` where there is no value, and the texts `"NaN"`, `"Infinity"` and
`"-Infinity"` for numbers that are not finite. In `history.csv` an empty field is no value, and
`nan`, `inf` and `-inf` are numbers. `results.parquet` is made from the `row.json` files; readers take
a row from its file wherever the file is newer.
"""


def columns_document() -> str:
    """The whole document."""
    parts = [
        _HEAD,
        _section("Rows", ROW_COLUMNS),
        _section("Columns that rows may have besides", EXTRA_COLUMNS),
        _section("Histories", HISTORY_COLUMNS),
        _words("`status`", STATUSES),
        _words("`verdict`, the first that holds", VERDICTS),
    ]
    return "\n".join(parts)


def _section(title: str, columns: Iterable[Column]) -> str:
    lines = [
        f"## {title}",
        "",
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
