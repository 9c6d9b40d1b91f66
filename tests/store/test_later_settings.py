"""Rows of earlier versions in one table with new ones."""

from __future__ import annotations

import json

import pandas as pd

from ganbench.store.later_settings import with_later_settings


def frame(*rows):
    names = ("settings", "setting_sources")
    texts = [
        {name: json.dumps(one, sort_keys=True) for name, one in zip(names, row, strict=True)}
        for row in rows
    ]
    return pd.DataFrame(texts, dtype="string")


def test_a_setting_that_came_later_has_its_default_in_earlier_rows():
    early = ({"lr": 1}, {"lr": "grid"})
    late = ({"lr": 1, "compile": False}, {"lr": "grid", "compile": "default"})
    found = with_later_settings(frame(early, late))["settings"]
    assert found.nunique() == 1
    assert json.loads(found[0]) == late[0]


def test_a_later_setting_that_somebody_chose_still_differs():
    early = ({"lr": 1}, {"lr": "grid"})
    late = ({"lr": 1, "compile": True}, {"lr": "grid", "compile": "grid"})
    assert with_later_settings(frame(early, late))["settings"].nunique() == 2
