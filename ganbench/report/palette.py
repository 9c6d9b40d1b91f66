"""Colors, dashes and markers that stay apart for color-blind readers and in print.

The page names its colors as ``$name``, and its script looks them up for the light or the dark theme.
"""

from __future__ import annotations

#: Series on a light page. In the manner of Okabe and Ito (2008): in simulations of missing cone types
#: (Machado et al., 2009) any two of the first four stay far apart, and no two of all eight coincide.
LIGHT: tuple[str, ...] = (
    "#1f5fb4", "#e38b00", "#0f9d75", "#8e1b3a", "#d17fc4", "#56b9ee", "#1e1e1e", "#7f7b00",
)  # fmt: skip
#: The same on a dark page.
DARK: tuple[str, ...] = (
    "#5b8ff0", "#f7ad4a", "#34b98f", "#cf4a72", "#ecbce6", "#7fd0ff", "#f5f5f5", "#99962f",
)  # fmt: skip
COLORS = len(LIGHT)

#: On and off lengths in units of the line's width; the first is solid.
DASHES: tuple[tuple[float, ...], ...] = (
    (), (4, 1.5), (1.2, 1.2), (5, 1.5, 1.2, 1.5), (7, 2), (3, 1.2, 1, 1.2, 1, 1.2),
)  # fmt: skip
#: The markers that go with the dashes: names in matplotlib, and in plotly.
MARKERS = ("o", "s", "^", "D", "v", "P")
MARKER_SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")

#: Stops of a color scale from the best, which is darkest, to the worst.
HEAT: tuple[str, ...] = (
    "#0c2c63", "#1f4f93", "#2f74b3", "#4d98c5", "#7bb8d0", "#aad3dc", "#d3e8e8", "#f2f6ee",
)  # fmt: skip

#: Colors of the page by name: (in the light theme, in the dark one).
PAGE: dict[str, tuple[str, str]] = {
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
    """The page's colors as custom properties."""
    lines = (f"--{name}: light-dark({day}, {night});" for name, (day, night) in PAGE.items())
    return f":root {{ {' '.join(lines)} }}"
