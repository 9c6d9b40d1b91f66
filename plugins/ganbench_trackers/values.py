"""The values that trackers record: hyperparameters, and the numbers of history and row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

#: Columns that locate a measurement and are not metrics.
_COORDINATES = ("trial", "tick", "images", "seed")


def missing_package(package: str, extra: str) -> str | None:
    """Why a tracker cannot work, with a way out; None if its package is installed."""
    if find_spec(package) is not None:
        return None
    return f"the package {package} is not installed: pip install 'ganbench[{extra}]'"


def hyperparameters(trial: Mapping[str, Any]) -> dict[str, bool | int | float | str]:
    """Name -> value of every choice: specs, seed, budget, settings.

    :param trial: the content of trial.json.
    """
    chosen: dict[str, Any] = {**trial.get("columns", {}), "seed": trial["seed"]}
    for key in ("task", "resolved_architecture", "providers", "protocol"):
        chosen[key] = trial.get(key)
    for section in ("budget", "training", "evaluation"):
        for key, value in trial.get(section, {}).items():
            chosen[f"{section}.{key}"] = value
    return {key: _plain(value) for key, value in chosen.items()}


def numbers(record: Mapping[str, Any]) -> dict[str, float]:
    """The finite measurements of a line of the history or of a row."""
    return {
        key: float(value)
        for key, value in record.items()
        if key not in _COORDINATES
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
    }


def _plain(value: Any) -> bool | int | float | str:
    return value if isinstance(value, (bool, int, float, str)) else str(value)
