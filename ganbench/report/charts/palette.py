"""Colours, dashes and markers that stay apart for the colour-blind and in print."""

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
#: Names of the dashes' markers in matplotlib, and in plotly.
MARKERS = ("o", "s", "^", "D", "v", "P")
MARKER_SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")

#: From best to worst: stops of a scale of colours of growing lightness, the best darkest.
HEAT: tuple[str, ...] = (
    "#0c2c63", "#1f4f93", "#2f74b3", "#4d98c5", "#7bb8d0", "#aad3dc", "#d3e8e8", "#f2f6ee",
)  # fmt: skip
