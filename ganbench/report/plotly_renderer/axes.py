"""Axes in Plotly's terms."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np

from ganbench.base.text import plain
from ganbench.report.embed import label
from ganbench.report.marks import Axis, Line, Panel, heading, limits

Layout = dict[str, Any]
Ranges = dict[str, list[float]]

_LONGEST_NAME = 40
_LONGEST_LINE = 40
_PAST_THE_END = 1.015  # of training


def axis_layout(axis: Axis, panel: Panel) -> Layout:
    """An axis with a quiet grid."""
    own: Layout = {}
    if axis.kind == "metric":
        ranges = axis_ranges(axis)
        kind = "log" if axis.log and "log" in ranges else "linear"
        own = {"type": kind, "range": ranges.get(kind), "tickformat": ",~g"}
        own |= {"side": "top"} if panel.y.kind == "names" else {}
    elif axis.kind == "cost":
        own = {"tickformat": ",~g"}
    elif axis.kind == "share":
        own = {"range": [-0.02, 1.02], "tickformat": ".0%"}
    elif axis.kind == "names":
        own = _names(axis, reverse=axis is panel.y)
    else:
        own = {"range": list(x_limits(panel))}
    title = textwrap.wrap(plain(heading(axis)), _LONGEST_LINE)
    return {
        "title": {"text": "<br>".join(map(label, title)), "standoff": 10},
        "automargin": True,
        "gridcolor": "$rule",
        "linecolor": "$faint",
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": "$faint",
        **own,
    }


def axis_ranges(axis: Axis) -> Ranges:
    """The ranges of an axis of a metric by its type; ``log`` only where all values are positive."""
    return extent([*axis.values, *axis.ends], axis.margin)


def x_limits(panel: Panel) -> tuple[float, float]:
    """The left and the right edge of a panel."""
    axis = panel.x
    if axis.kind == "metric":
        return limits(axis.values, axis.log and "log" in axis_ranges(axis), axis.margin)
    lines = [mark.x for mark in panel.drawn("page") if isinstance(mark, Line)]
    amounts = np.concatenate([[0.0], *lines, axis.values])
    return 0.0, _PAST_THE_END * (float(np.nanmax(amounts)) or 1.0)


def extent(values: Iterable[float], margin: float = 0.05) -> Ranges:
    """The range of an axis that shows all finite values, by its type; empty without a value."""
    found = np.array([value for value in values if np.isfinite(value)])
    ranges = {"linear": [*limits(found, False, margin)]} if len(found) else {}
    if len(found) and found.min() > 0:
        ranges["log"] = np.log10(limits(found, True, margin)).tolist()
    return ranges


def _names(axis: Axis, reverse: bool) -> Layout:
    """Places for names, the first at the left or at the top."""
    ends = [-0.6, len(axis.names) - 0.4]
    return {
        "range": ends[::-1] if reverse else ends,
        "tickvals": [*range(len(axis.names))],
        "ticktext": [label(name, _LONGEST_NAME) for name in axis.names],
        "fixedrange": True,
        "ticks": "",
    }
