"""A ranking as a table for people, and as plain values for JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.components.column import Column
from ganbench.results.comparison_tables import chances
from ganbench.results.formatting import ARROWS
from ganbench.results.statistics.paired import leading

if TYPE_CHECKING:
    import pandas as pd

_WITH_ENDS = ("rank", "ratio", "difference")


def record(frame: pd.DataFrame) -> dict[str, Any]:
    """Everything as plain values; None for what is missing or infinite, as JSON has neither."""
    from ganbench.results.tables import json_records

    known = {str(name): value for name, value in frame.attrs.items()}
    return known | {"components": json_records(frame)}


def table(frame: pd.DataFrame, format_: str) -> str:
    """The table with its captions, as ``table``, ``markdown``, ``latex`` or ``csv``."""
    from ganbench.results.render import render_frame

    if format_ == "csv":
        return render_frame(frame, format_)
    axis = str(frame.attrs["axis"])
    there = [name for name in _WITH_ENDS if name in frame.columns]
    kept = [
        axis,
        "n",
        "failures",
        "better",
        *(c for name in there for c in (name, f"{name}_low", f"{name}_high")),
    ]
    tested = bool(frame["p"].notna().any())
    shown = frame.assign(failures=_failures(frame), better=chances(frame))[[*kept, "p"]]
    return render_frame(
        shown,
        format_,
        captions=frame.attrs["captions"],
        bold={axis: _bold(frame) if tested else [False] * len(frame)},
        headers=_headers(frame),
        intervals={name: (f"{name}_low", f"{name}_high") for name in there},
        columns=[Column(name) for name in _WITH_ENDS],
        marks="Bold: the first and those next to it, up to the first that is told apart."
        if tested
        else "",
    )


def _bold(frame: pd.DataFrame) -> list[bool]:
    """The first, and those next to it that nothing tells apart and whose effect is finite."""
    effect = frame["ratio" if "ratio" in frame.columns else "difference"]
    lost = ~np.isfinite(effect.to_numpy("float64"))
    return leading((lost | ~frame["tied"].to_numpy(bool)).tolist())


def _headers(frame: pd.DataFrame) -> dict[str, str]:
    metric = str(frame.attrs["metric"])
    arrow = ARROWS[frame.attrs["better"]]
    return {
        "failures": "failed",
        "better": "P(better)",
        "rank": "mean rank ↓",
        "ratio": f"{metric} / median {arrow}",
        "difference": f"{metric} − median {arrow}",
        "p": "p against first",
    }


def _failures(frame: pd.DataFrame) -> list[str]:
    """``1 (5 – 70 %)`` of each component, the number alone where it has no interval."""
    return [
        f"{failed}" if math.isnan(low) else f"{failed} ({100 * low:.0f}–{100 * high:.0f} %)"
        for failed, low, high in zip(
            frame["failed"], frame["failed_low"], frame["failed_high"], strict=True
        )
    ]
