"""Frames whose columns and values are declared together."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from ganbench.analysis.statistics.intervals import Interval
from ganbench.analysis.statistics.scales import Scale
from ganbench.components.column import Column
from ganbench.present.numbers import shown
from ganbench.store.schema import AXES, CORE

Ends = tuple[float, float, float]


class Field(NamedTuple):
    """A column, and its value for a result and one of its parts."""

    column: Column
    value: Callable[[Any, Any], Any]


def ends(value: float, interval: Interval, scale: Scale = "linear") -> Ends:
    """A value and the ends of its interval, ratios in place of their logarithms."""
    return shown(value, scale), shown(interval.low, scale), shown(interval.high, scale)


def estimate(name: str, meaning: str, ends_of: Callable[[Any, Any], Ends]) -> Iterator[Field]:
    """A column, and the columns of the ends of its interval."""
    low, high = f"{name}_low", f"{name}_high"
    yield Field(Column(name, meaning=meaning), lambda *line: ends_of(*line)[0])
    yield Field(Column(low, meaning="lower end of its interval"), lambda *line: ends_of(*line)[1])
    yield Field(Column(high, meaning="upper end of its interval"), lambda *line: ends_of(*line)[2])


def axis_fields(meaning: str, value: Callable[[str, Any], Any]) -> Iterator[Field]:
    """A column of specs for each axis; ``value`` takes the axis and the part."""

    def spec(axis: str) -> Callable[[Any, Any], Any]:
        return lambda _, part: value(axis, part)

    for axis in AXES:
        yield Field(Column(axis, "string", "", f"{CORE[axis].meaning}; {meaning}"), spec(axis))


def frame_of(found: Any, parts: Iterable[Any], fields: Iterable[Field]) -> pd.DataFrame:
    """One row per part of a result, with the columns' dtypes."""
    known, rows = list(fields), list(parts)
    values = {field.column.name: [field.value(found, part) for part in rows] for field in known}
    return pd.DataFrame(values).astype({field.column.name: field.column.dtype for field in known})


def json_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values for strict JSON: None for what is missing or not finite."""
    records = frame.astype(object).to_dict("records")
    return [{str(name): _json_value(value) for name, value in r.items()} for r in records]


def as_json(document: Any) -> str:
    """Plain values as strict JSON, with a line break at its end."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def with_chances(frame: pd.DataFrame, others: Mapping[str, Any]) -> pd.DataFrame:
    """For a table: the column ``better`` as text with its interval, and other columns."""
    lines = zip(frame["better"], frame["better_low"], frame["better_high"], strict=True)
    chances = [
        f"{value:.2f}" if math.isnan(low) else f"{value:.2f} [{low:.2f}, {high:.2f}]"
        for value, low, high in lines
    ]
    return frame.assign(better=chances, **others)


def _json_value(value: Any) -> Any:
    if type(value) in (str, int, bool):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else None
    if pd.api.types.is_scalar(value) and bool(pd.isna(value)):
        return None
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
