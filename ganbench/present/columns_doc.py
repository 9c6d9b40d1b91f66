"""``docs/columns.md``, written from the schema: ``python -m ganbench.present.columns_doc``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ganbench.analysis.summary import STATISTICS, cell_columns
from ganbench.components.column import Column
from ganbench.present.comparison_frame import COMPARISON_COLUMNS
from ganbench.present.ranking_frame import RANKING_COLUMNS
from ganbench.registry.lookup import default_registry
from ganbench.store.columns import Columns, arrow
from ganbench.store.primary import PRIMARY, curve_columns, derived_columns
from ganbench.store.schema import (
    CORE,
    EXTRA_COLUMNS,
    HISTORY_COLUMNS,
    ROW_COLUMNS,
    STATUSES,
    VERDICTS,
)

_HEAD = """\
# Columns

<!-- Generated from the code that makes the columns: `python -m ganbench.present.columns_doc`. -->

`ganbench.load_results(DIR)` gives one row per trial, `ganbench.load_history(DIR)` one per trial and
evaluation tick. Both always have the columns below, in this order and with this pandas dtype; metrics,
data sets and later versions may add others behind them. An arrow shows the better direction.

A metric describes its columns: the name, the unit, the better direction, the scale on which its values
are averaged, compared and drawn (`log` for positive values that vary by factors, `share` for values
between 0 and 1, `count`, `linear`), whether it is a cost, and its label in figures. A run keeps the
descriptions in `columns.json`, so that a reader needs no plugin; the installed metrics describe the
columns of a run without that file. The columns of another extractor than the first carry its name, as
in `fd@dinov2`.

`row.json` holds `null` for a missing value, and the texts `"NaN"`, `"Infinity"` and `"-Infinity"` for
numbers that are not finite. In `history.csv` an empty field is a missing value, and `nan`, `inf` and
`-inf` are numbers. `results.parquet` is made from the `row.json` files; readers take a row from its file
wherever the file is newer.

`ganbench results DIR --format csv|json|parquet` writes a frame with every digit. CSV leaves the field of
a missing value empty and changes no text, so that readers get back what was written:
`pandas.read_csv(file, keep_default_na=False, na_values=[""])`. A name that begins with `=`, `+`, `-` or
`@` is a formula to a spreadsheet: import columns as text if you did not choose the plugins yourself.
JSON has `null` for what is missing or not finite.
"""

_CELLS = """\
`ganbench results DIR --by-cell` gives one row per cell. Trials that did not end `ok` stay in `n` and
count as the worst value: infinite, or minus infinite where higher is better. Intervals are of the
median over seeds: the bootstrap's standard error with Student's t, on the logarithm of metrics that are
positive without bound (see docs/statistics.md). They are missing where fewer than three seeds have the
metric; tables then show the values of two seeds, `3.72 / 4.06`, in the order of the seeds. A metric's
columns exist where a trial has the metric. Tables mark in bold the best median among cells of the same
data, features, evaluation settings, budget and protocol, and the next ones up to the first that the
data tell apart from it (paired by seed where cells share seeds), Holm-corrected for all pairs of these
cells. Cells of fewer than three seeds and columns without such a test are never bold. Speeds
compete only on equal devices and with equally many discriminator updates in a step. `--columns` also
takes `fd` for `fd_median`; tables also have `fd_range`, the least to the greatest value, and `differs`,
the settings that tell cells of equal components apart.

A metric `X` has these columns; the last four only if tables show the metric by default.

"""

_COMPARISONS = """\
`ganbench compare DIR A B --format csv|json` gives one line per block in which both sides were trained,
the last for all blocks (see docs/statistics.md). Intervals and `p` are missing where no block has three
seeds.
"""

_RANKS = """\
`ganbench rank DIR --by loss --format csv|json` gives one line per component, the best first.
Intervals and `p` are missing where no block has three seeds.
"""


_METRICS = """\
The metrics that come with ganbench fill these columns. `ganbench info NAME` shows the needs and options
of a metric.
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
    """The columns of the metrics that come with ganbench, and of the primary metric's curve."""
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
