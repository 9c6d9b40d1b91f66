"""The columns that follow from others: from a primary metric's curve, and from held-out data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ganbench.components.column import Column

#: What the columns of a curve are called behind the name of the primary metric.
CURVE_ENDS = ("best", "drift", "auc", "rough", "best_fresh", "noise")


def suffixed(name: str, suffix: str) -> str:
    """The name of a column that follows from another: ``fd_best``, ``fd_best@dinov2``."""
    stem, at, extractor = name.partition("@")
    return f"{stem}_{suffix}{at}{extractor}"


def best_of(primary: str) -> str:
    """The name of the column with the best value of a curve."""
    return suffixed(primary, "best")


def drift_of(primary: str) -> str:
    """The name of the column that says how much worse than the best the last value is."""
    return suffixed(primary, "drift")


def rough_of(primary: str) -> str:
    """The name of the column with the mean step of a curve."""
    return suffixed(primary, "rough")


def is_of_curve(name: str, primaries: Iterable[str]) -> bool:
    """Whether a column follows from the curve of a primary metric, and so from its ticks."""
    return any(name == suffixed(one, end) for one in primaries for end in CURVE_ENDS)


def curve_columns(primary: Column) -> tuple[Column, ...]:
    """The columns that a trial has of the curve of its primary metric.

    :param primary: a column with a better direction.
    """
    title, name = primary.title, f"`{primary.name}`"
    log = primary.scale == "log"
    values, unit = (f"ln {name}", "nats") if log else (name, primary.unit)
    same = replace(primary, floor=False, held_out=False, lost_modes=False, shown=False)

    def made(suffix: str, meaning: str, label: str, **changes: Any) -> Column:
        own = suffixed(primary.name, suffix)
        return replace(same, name=own, meaning=meaning, label=label, **changes)

    return (
        made("best", f"best {name} over all ticks", f"best {title}", shown=True),
        made(
            "drift",
            f"how many times worse the last {name} is than the best, 1 at best",
            f"last / best {title}",
            better="lower",
            scale="log",
            unit="",
            shown=True,
        ),
        made(
            "auc",
            f"mean of {values} over images: good for fast learners",
            f"mean {'ln ' * log}{title}",
            scale="linear",
            unit=unit,
        ),
        made(
            "rough",
            f"mean step of {values} in the second half",
            f"mean |Δ {'ln ' * log}{title}|",
            better="lower",
            scale="log",
            unit=unit,
        ),
        made("best_fresh", f"{name} of the best tick on fresh noise", f"best {title}, fresh noise"),
        made(
            "noise",
            f"standard deviation of {name} over resampled samples, at fixed weights",
            f"evaluation noise of {title}",
            better=None,
            spread_of=primary.name,
        ),
    )


def derived_columns(column: Column) -> tuple[Column, ...]:
    """The columns that stand beside one because it asks for them."""
    same = replace(column, floor=False, held_out=False, lost_modes=False, shown=False)
    name, title = f"`{column.name}`", column.title
    floor = replace(
        same,
        name=suffixed(column.name, "floor"),
        meaning=f"{name} of real samples against real ones, at equal numbers",
        label=f"{title}, real against real",
        better=None,
    )
    held_out = replace(
        same,
        name=suffixed(column.name, "test"),
        meaning=f"{name} to the test split",
        label=f"{title} to the test split",
    )
    return (*[floor] * column.floor, *[held_out] * column.held_out)
