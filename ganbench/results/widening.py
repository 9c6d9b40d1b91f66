"""Frames with many columns more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def widened(frame: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """The frame with more columns, all put in at once: one by one, hundreds would take long.

    :param columns: by name, values in the order of the rows, or one value for all.
    """
    import pandas as pd

    wide = pd.concat([frame, pd.DataFrame(dict(columns), index=frame.index)], axis=1)
    wide.attrs = frame.attrs
    return wide
