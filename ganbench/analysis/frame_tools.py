"""Small tools for pandas frames and series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd


def floats(values: Iterable[object]) -> np.ndarray:
    """A pandas column as floats, NaN for what is missing."""
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    return series.to_numpy(dtype="float64", na_value=math.nan)


def text_of(value: Any) -> str:
    """A value of a column as text, empty where it is missing."""
    return "" if is_missing(value) else str(value)


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN or pandas' NA."""
    return value is None or value is pd.NA or bool(value != value)


def widened(frame: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """The frame with more columns, all added at once: one by one, hundreds would take long.

    :param columns: by name, values in the order of the rows, or one value for all.
    """
    wide = pd.concat([frame, pd.DataFrame(dict(columns), index=frame.index)], axis=1)
    wide.attrs = frame.attrs
    return wide
