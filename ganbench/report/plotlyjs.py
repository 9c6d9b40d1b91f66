"""Plotly's JavaScript, out of the installed Python package: the report carries it along."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from ganbench.errors import UsageError


@cache
def plotly_source() -> str:
    """The text of plotly.min.js.

    :raises UsageError: if the package is not there.
    """
    found = importlib.util.find_spec("plotly")
    places = found.submodule_search_locations if found else None
    for place in places or ():
        try:
            return (Path(place) / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
        except OSError:
            continue
    raise UsageError("a report needs the package plotly; mend it with: pip install 'plotly>=6'")
