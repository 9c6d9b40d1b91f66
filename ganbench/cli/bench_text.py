"""What ``ganbench bench`` prints: a table, and a sentence on what became slower."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ganbench.base.text import columns, counted, joined, percent

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BUSY = 0.1  # share of the time that other programs took, from which a line says so
_VERDICTS = {
    "slower": "SLOWER",
    "faster": "faster",
    "same": "no change",
    "unclear": "unclear",
}


def lines(content: Mapping[str, Any]) -> Iterator[str]:
    """The text of a session's document."""
    results: Sequence[Mapping[str, Any]] = content["results"]
    timed = [one for one in results if "seconds" in one]
    judged = content["against"] is not None
    if timed:
        head = ["component", "workload", "time", "rate"]
        head += ["baseline", "change", f"{percent(content['level'])} interval", "verdict"] * judged
        yield from columns([head, *(_row(one, judged) for one in timed)])
        yield ""
    for workload, what in {one["workload"]: one["what"] for one in timed}.items():
        yield f"{workload}: {what}"
    for one in results:
        if one.get("problem"):
            name = ": ".join(filter(None, (one["component"], one["workload"])))
            yield f"{name} cannot be timed: {one['problem']}"
    if any("verdict" in one for one in timed):
        yield from _summary(content, timed)


def _row(one: Mapping[str, Any], judged: bool) -> list[str]:
    row = [one["component"], one["workload"], seconds_text(one["seconds"])]
    row.append(f"{_rate(one['per_second'])} {one['unit']}/s")
    if not judged:
        return row
    if "verdict" not in one:
        return [*row, "", "", "", "new" if one["new"] else ""]
    ends = f"{change(one['low'])} to {change(one['high'])}"
    return [
        *row,
        seconds_text(one["baseline_seconds"]),
        change(one["ratio"]),
        ends,
        _VERDICTS[one["verdict"]],
    ]


def _summary(content: Mapping[str, Any], timed: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    margin, against = percent(round(content["margin"], 6)), content["against"]
    busy = [one["waiting"] for one in timed if one["waiting"] > _BUSY]
    if busy:
        yield (
            f"Other programs took {percent(round(max(busy), 2))} of the time. Times leave it out, but "
            "shared caches remain."
        )
    unclear = [one for one in timed if one.get("verdict") == "unclear"]
    if unclear:
        yield (
            f"{counted(len(unclear), 'workload')} may have changed by more than {margin}: measure more "
            "with --launches 8, or on a quieter machine."
        )
    if content["slower"]:
        yield f"Slower than {against} by more than {margin}: {joined(content['slower'])}."
    else:
        yield f"No workload is slower than {against} by more than {margin}, as far as this can tell."


def seconds_text(seconds: float) -> str:
    """``1.23 ms``."""
    unit, word = next((u for u in _UNITS if seconds >= u[0]), _UNITS[-1])
    return f"{seconds / unit:.3g} {word}"


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"


def change(ratio: float) -> str:
    """``+10.2 %``: by how much more time."""
    return f"{100 * (ratio - 1):+.1f} %"
