"""Rows of earlier versions, which lack settings that came later: these have their neutral defaults."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ganbench.store.schema import as_text, mapping

_SETTINGS, _SOURCES = "settings", "setting_sources"
_DEFAULT = "default"


def with_later_settings(frame: pd.DataFrame) -> pd.DataFrame:
    """Fill in the settings that some rows lack, with the defaults that other rows record.

    So trials of one cell stay one cell in tables, whichever version trained them.
    """
    if _SETTINGS not in frame or _SOURCES not in frame:
        return frame
    texts = frame[_SETTINGS]
    if texts.nunique() < 2:
        return frame
    defaults = _defaults(frame[[_SETTINGS, _SOURCES]].dropna().drop_duplicates().to_numpy())
    filled = {text: _filled(text, defaults) for text in texts.dropna().unique()}
    return frame.assign(**{_SETTINGS: texts.map(filled).astype(texts.dtype)})


def _defaults(known: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Setting -> its default, of settings whose value is a default in some row."""
    found: dict[str, Any] = {}
    for text, sources in known:
        settings = mapping(text)
        found |= {
            name: settings[name]
            for name, source in mapping(sources).items()
            if source == _DEFAULT and name in settings
        }
    return found


def _filled(text: str, defaults: dict[str, Any]) -> str:
    settings = mapping(text)
    lacking = {name: value for name, value in defaults.items() if name not in settings}
    return as_text(settings | lacking) if settings and lacking else text
