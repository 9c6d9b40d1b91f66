"""Defaults of shipped components: ids do not hash them, so a changed one needs another recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ganbench as gb
from ganbench.base.protocol import PROTOCOL
from ganbench.grid.settings import EvaluationSettings, TrainingSettings, settings_values
from ganbench.registry.info import json_value as plain_value
from ganbench.registry.options import describe_options

RECORDED = Path(__file__).with_name("shipped_defaults.json")


def shipped():
    """Component, or settings -> its recipe, or the protocol, and every default."""
    found = {
        cls.__name__: {"recipe": PROTOCOL, "defaults": settings_values(cls())}
        for cls in (TrainingSettings, EvaluationSettings)
    }
    for kind in gb.registry.KINDS:
        for info in gb.registry.default_registry().shipped(kind):
            options = describe_options(info.cls).items()
            defaults = {name: plain_value(option.default) for name, option in options}
            found[f"{kind} {info.name}"] = {"recipe": info.cls.recipe, "defaults": defaults}
    return found


@pytest.fixture(scope="module")
def recorded():
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def test_a_changed_default_comes_with_another_recipe(recorded):
    for name, now in shipped().items():
        then = recorded.get(name, now)
        if then["recipe"] == now["recipe"]:
            both = then["defaults"].keys() & now["defaults"].keys()
            changed = [key for key in both if then["defaults"][key] != now["defaults"][key]]
            assert not changed, f"{name}: raise its recipe (of settings, PROTOCOL), for {changed}"


def test_defaults_are_recorded(recorded, tmp_path):
    now = tmp_path / RECORDED.name
    now.write_text(json.dumps(shipped(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert json.loads(now.read_text()) == recorded, f"copy {now} to {RECORDED}"
