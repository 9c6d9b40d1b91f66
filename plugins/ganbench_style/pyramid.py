"""The sizes of a design's maps between the innermost one and the image."""

from __future__ import annotations

from typing import NamedTuple

from ganbench import DataSpec

SMALLEST, LARGEST = 8, 1024
INNERMOST = (4, 5, 6, 7)  # 4 in all papers; the others avoid padding to a power of two


class Pyramid(NamedTuple):
    """An innermost map of ``base`` pixels a side, and how often it is doubled.

    28 pixels are 7 doubled twice, 32 are 4 doubled three times.
    """

    base: int
    doublings: int

    @property
    def sizes(self) -> list[int]:
        """From the innermost map to the image."""
        return [self.base << doubling for doubling in range(self.doublings + 1)]


def pyramid(size: int) -> Pyramid:
    """The pyramid below an image of ``size`` pixels a side, see `size_problem`."""
    doublings = 0
    while size > max(INNERMOST) and size % 2 == 0:
        size, doublings = size // 2, doublings + 1
    if size not in INNERMOST:
        raise ValueError(f"no innermost map of {size} pixels")
    return Pyramid(size, doublings)


def size_problem(name: str, data: DataSpec) -> str | None:
    """Why the design ``name`` cannot make such data, with a way out; None if it can."""
    if data.kind == "points":
        return f"{name} makes images, not {data}: use mlp for points"
    if data.height != data.width:
        return f"{name} makes square images, not {data}: crop or resize them to a square"
    allowed = _allowed_sizes()
    if data.height in allowed:
        return None
    nearest = min(allowed, key=lambda size: abs(size - data.height))
    return (
        f"{name} doubles a map of 4 to 7 pixels until it has the size of the image, {SMALLEST} to "
        f"{LARGEST} pixels, which does not lead to {data}: resize them to {nearest}x{nearest}"
    )


def _allowed_sizes() -> list[int]:
    sizes = (base << doublings for base in INNERMOST for doublings in range(1, 9))
    return sorted(size for size in sizes if SMALLEST <= size <= LARGEST)
