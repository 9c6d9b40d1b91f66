"""The page's colours, each for a light and a dark page; figures name them as ``$name``."""

from __future__ import annotations

from ganbench.report.charts.palette import DARK, LIGHT

#: Colours by name: (on a light page, on a dark one).
COLORS: dict[str, tuple[str, str]] = {
    "page": ("#fbfbfa", "#141518"),
    "card": ("#ffffff", "#1c1e22"),
    "ink": ("#1b1c1f", "#e8e9eb"),
    "soft": ("#575a62", "#a9adb6"),
    "faint": ("#8c9099", "#767b86"),
    "rule": ("#dfe1e6", "#33363d"),
    "hover": ("#f1f2f5", "#26292f"),
    "link": ("#1f55b5", "#8ab4ff"),
    "good": ("#1a6f40", "#6fcf97"),
    "warn": ("#87560a", "#e5b567"),
    "bad": ("#b3261e", "#ff8a80"),
    **{f"series-{n}": pair for n, pair in enumerate(zip(LIGHT, DARK, strict=True))},
}


def as_css() -> str:
    """The colours as custom properties."""
    lines = (f"--{name}: light-dark({day}, {night});" for name, (day, night) in COLORS.items())
    return f":root {{ {' '.join(lines)} }}"
