"""``docs/columns.md``, written from the schema: ``python -m ganbench.results.columns_doc``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ganbench.components.column import Column
from ganbench.registry.lookup import default_registry
from ganbench.results.cell_columns import STATISTICS, cell_columns
from ganbench.results.columns import Columns
from ganbench.results.curve_columns import curve_columns, derived_columns
from ganbench.results.effect_columns import COMPARISON_COLUMNS, RANKING_COLUMNS
from ganbench.results.formatting import arrow
from ganbench.results.primary import PRIMARY
from ganbench.results.schema import (
    CORE,
    EXTRA_COLUMNS,
    HISTORY_COLUMNS,
    ROW_COLUMNS,
    STATUSES,
    VERDICTS,
)

_HEAD = """\
# Columns

<!-- Generated from the code that makes the columns: `python -m ganbench.results.columns_doc`. -->

`ganbench.load_results(DIR)` gives one row per trial, `ganbench.load_history(DIR)` one per trial and
evaluation tick. The columns of both are always there, in this order and with this pandas dtype; metrics,
data sets and later versions may add others behind them. An arrow says which direction is better.

A metric describes its columns: the name, the unit, which direction is better, the scale on which its
values are averaged, compared and drawn (`log` for what is positive and varies by factors, `share` for
what lies between 0 and 1, `count`, `linear`), whether it is a cost, and what figures call it. A run
keeps the descriptions in `columns.json`, so that a reader needs no plugin; for a run without that file
they are those of the metrics that are installed. The columns of another extractor than the first carry
its name, as in `fd@dinov2`.

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
same data, features, evaluation settings, budget and protocol, and those next to it, up to the first
that is told apart from the best (seed by seed where seeds are shared), Holm-corrected for all pairs of
these cells; cells of fewer than three seeds are never bold, nor is a column without such a test. Speeds
compete only on equal devices and with equally many discriminator updates in a step. `--columns` also
takes `fd` for `fd_median`; tables have `fd_range`, the least to the greatest value, and `differs`, the
settings that tell cells of equal components apart, as well.

Of a metric `X` there are these columns; the last four of those only that tables show by default.

"""

_COMPARISONS = """\
`ganbench compare DIR A B --format csv|json` gives one line per context in which both sides were trained,
the last for all contexts. Intervals and `p` are missing where no context has three seeds.
"""

_RANKS = """\
`ganbench rank DIR --by loss --format csv|json` gives one line per component, the best first.
Intervals and `p` are missing where no context has three seeds.
"""


_METRICS = """\
The metrics that come with ganbench fill these columns. `ganbench info NAME` tells what one needs, and
its options.
"""

_CURVES = """\
These columns describe the curve of a grid's primary metric (`evaluation.primary`, `fd` by default) over
the ticks.
"""


def columns_document() -> str:
    """The whole document."""
    metrics = _shipped()
    described = {column.name: column for columns in metrics.values() for column in columns}
    known = Columns(CORE.values()).and_others(described)
    rows = [known.named(column.name) for column in ROW_COLUMNS]
    history = [c if c.meaning else known.named(c.name) for c in HISTORY_COLUMNS]
    cells = cell_columns(Columns()).values()
    statistics = "".join(
        f"- `X_{name}`: {meaning.format('X')}\n" for name, (meaning, *_) in STATISTICS.items()
    )
    beside = [d for c in described.values() for d in derived_columns(c) if d.name not in described]
    parts = [
        _HEAD,
        _section("Rows", rows),
        _section("Columns that rows may have besides", EXTRA_COLUMNS),
        _section("Metrics", metrics[""], _METRICS),
        _section("The curve of the primary metric", metrics[PRIMARY], _CURVES),
        _section("Beside metrics", beside),
        _section("Histories", history),
        _section("Cells", cells, _CELLS + statistics),
        _section("Comparisons", COMPARISON_COLUMNS, _COMPARISONS),
        _section("Ranks", RANKING_COLUMNS, _RANKS),
        _words("`status`", STATUSES),
        _words("`verdict`, the first that holds", VERDICTS),
    ]
    return "\n".join(parts)


def _shipped() -> dict[str, list[Column]]:
    """The columns of the metrics that come with ganbench, and those of the primary one's curve."""
    infos = default_registry().components("metric").values()
    shipped = [c for info in infos if info.provider == "ganbench" for c in info.cls.columns]
    primary = next(column for column in shipped if column.name == PRIMARY)
    return {"": shipped, PRIMARY: list(curve_columns(primary))}


def _section(title: str, columns: Iterable[Column], introduction: str = "") -> str:
    lines = [
        f"## {title}",
        "",
        *([introduction] if introduction else []),
        "| column | type | unit | better | meaning |",
        "|---|---|---|---|---|",
    ]
    for column in columns:
        fields = (f"`{column.name}`", column.dtype, column.unit, arrow(column), column.meaning)
        lines.append("| " + " | ".join(fields) + " |")
    return "\n".join(lines) + "\n"


def _words(title: str, words: Mapping[str, str]) -> str:
    return "\n".join([f"## {title}", "", *(f"- `{w}`: {text}" for w, text in words.items())]) + "\n"


if __name__ == "__main__":
    print(columns_document(), end="")
