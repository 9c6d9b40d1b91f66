"""The primary metric, by which trials are compared, and the columns that follow from its curve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ganbench.base.errors import UsageError
from ganbench.store.schema import EVALUATION, mapping

if TYPE_CHECKING:
    import pandas as pd
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ganbench.components.column import Column

#: The default, where evaluation settings name no other.
PRIMARY = "fd"

#: The attribute of a frame of cells, which may lack evaluation settings, with its primary metrics,
#: each with the better known name of its numbers.
ATTRIBUTE = "primaries"


def primaries(*frames: pd.DataFrame) -> list[str]:
    """The primary metrics of trials or cells, the most frequent first."""
    counts: Counter[str] = Counter()
    for frame in frames:
        counts.update(_counted(frame))
    return [name for name, _ in counts.most_common()] or [PRIMARY]


def the_primary(frames: Sequence[pd.DataFrame], asked: str | None = None) -> str:
    """The requested metric, else the primary metric that all trials share.

    :raises UsageError: if trials have different primary metrics.
    """
    if asked is not None:
        return asked
    first, *others = primaries(*frames)
    if others:
        listed = " and ".join([first, *others])
        raise UsageError(
            f"cannot compare these trials: their primary metrics are {listed}; name one metric with "
            "--metric"
        )
    return first


def primary_in(evaluation: object) -> str:
    """The primary metric that evaluation settings, as JSON, name."""
    named = mapping(evaluation).get("primary")
    return named if isinstance(named, str) and named else PRIMARY


def _counted(frame: pd.DataFrame) -> Mapping[str, int]:
    """How many rows have each primary metric."""
    if ATTRIBUTE in frame.attrs:
        return dict.fromkeys(frame.attrs[ATTRIBUTE], 1)
    found: Counter[str] = Counter()
    for text, count in frame[EVALUATION].value_counts().items() if EVALUATION in frame else ():
        found[primary_in(text)] += int(count)
    return found


#: The suffixes of a curve's columns, behind the name of the primary metric.
CURVE_ENDS = ("best", "drift", "auc", "rough", "best_fresh", "noise")


def suffixed(name: str, suffix: str) -> str:
    """The name of a column that follows from another: ``fd_best``, ``fd_best@dinov2``."""
    stem, at, extractor = name.partition("@")
    return f"{stem}_{suffix}{at}{extractor}"


def curve_names(primaries: Iterable[str]) -> set[str]:
    """The columns that follow from the curves of primary metrics, and so from their ticks."""
    return {suffixed(name, end) for name in primaries for end in CURVE_ENDS}


def curve_columns(primary: Column) -> tuple[Column, ...]:
    """The columns of the curve of a primary metric.

    :param primary: a column with a better direction.
    """
    title, name = primary.title, f"`{primary.name}`"
    log = primary.scale == "log"
    ln, unit = ("ln ", "nats") if log else ("", primary.unit)

    def made(suffix: str, meaning: str, label: str, **changes: Any) -> Column:
        return _derived(primary, suffix, meaning, label, **changes)

    return (
        made("best", f"best {name} over all ticks", f"best {title}", shown=True),
        made("drift", f"how many times worse the last {name} is than the best, 1 at best",
             f"last / best {title}", better="lower", scale="log", unit="", shown=True),
        made("auc", f"mean of {ln}{name} over images: good for fast learners", f"mean {ln}{title}",
             scale="linear", unit=unit),
        made("rough", f"mean step of {ln}{name} in the second half", f"mean |Δ {ln}{title}|",
             better="lower", scale="log", unit=unit),
        made("best_fresh", f"{name} of the best tick on fresh noise", f"best {title}, fresh noise"),
        made("noise", f"standard deviation of {name} over resampled samples, at fixed weights",
             f"evaluation noise of {title}", better=None, spread_of=primary.name),
    )  # fmt: skip


def derived_columns(column: Column) -> tuple[Column, ...]:
    """The columns that stand beside a column because it asks for them."""
    name, title = f"`{column.name}`", column.title
    floor = f"{name} of real samples against real ones, at equal numbers"
    found = []
    if column.floor:
        found.append(_derived(column, "floor", floor, f"{title}, real against real", better=None))
    if column.held_out:
        found.append(
            _derived(column, "test", f"{name} to the test split", f"{title} to the test split")
        )
    return tuple(found)


def _derived(column: Column, suffix: str, meaning: str, label: str, **changes: Any) -> Column:
    own = {"name": suffixed(column.name, suffix), "meaning": meaning, "label": label}
    plain = {"floor": False, "held_out": False, "lost_modes": False, "shown": False}
    return replace(column, **(own | plain | changes))
