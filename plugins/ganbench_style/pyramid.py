"""The sizes of a design's maps between the innermost one and the image."""

from __future__ import annotations

from typing import NamedTuple

from ganbench import DataSpec

SMALLEST, LARGEST = 8, 1024
INNERMOST = (4, 5, 6, 7)  # 4 in all papers; the others avoid padding to a power of two


class Pyramid(NamedTuple):
    """An innermost map, and how often it is doubled.

    28 pixels are 7 doubled twice, 32 are 4 doubled three times.

    :ivar base: height and width of the innermost map.
    """

    base: tuple[int, int]
    doublings: int

    @property
    def sizes(self) -> list[int]:
        """The shorter sides of the maps, from the innermost one to the image."""
        return [min(self.base) << doubling for doubling in range(self.doublings + 1)]


def pyramid(height: int, width: int) -> Pyramid:
    """The pyramid below an image, see `size_problem`."""
    doublings = _doublings(min(height, width))
    base = (height >> doublings, width >> doublings)
    if min(base) not in INNERMOST or any(side % 2**doublings for side in (height, width)):
        raise ValueError(f"no innermost map of {height}x{width} pixels")
    return Pyramid(base, doublings)


def _doublings(size: int) -> int:
    """How often the innermost map is doubled for a shorter side of ``size`` pixels."""
    doublings = 0
    while size > max(INNERMOST) and size % 2 == 0:
        size, doublings = size // 2, doublings + 1
    return doublings


def size_problem(name: str, data: DataSpec) -> str | None:
    """Why the design ``name`` cannot make such data, with a way out; None if it can."""
    if data.kind == "points":
        return f"{name} makes images, not {data}: use mlp for points"
    height, width = (_nearest(side, data) for side in (data.height, data.width))
    if (height, width) == (data.height, data.width):
        return None
    return (
        f"{name} doubles a map of 4 to 7 pixels until it has the size of the image, {SMALLEST} to "
        f"{LARGEST} pixels, which does not lead to {data}: resize them to {height}x{width}"
    )


def _nearest(side: int, data: DataSpec) -> int:
    """The side itself, if a pyramid leads to it, or the nearest one."""
    shorter = min(data.height, data.width)
    short = min(_allowed_sizes(), key=lambda size: abs(size - shorter))
    if side == shorter:
        return short
    unit = 1 << _doublings(short)
    return min(LARGEST // unit, max(1, round(side / unit))) * unit


def _allowed_sizes() -> list[int]:
    sizes = (base << doublings for base in INNERMOST for doublings in range(1, 9))
    return sorted(size for size in sizes if SMALLEST <= size <= LARGEST)
