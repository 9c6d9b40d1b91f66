"""Progress messages of a measurement."""

from __future__ import annotations

from collections.abc import Callable


class Meter:
    """Follows one task after another. This base class prints nothing."""

    def begin(self, title: str, total: int | None = None) -> None:
        """Start the next task, of ``total`` images or of unknown length."""

    def advance(self, count: int) -> None:
        """Count more finished images."""

    def say(self, sentence: str) -> None:
        """Show a message."""


class Saying(Meter):
    """Prints the title of each task, but not of results from earlier runs."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def begin(self, title: str, total: int | None = None) -> None:
        if total is not None:
            self._say(f"computing features, {title}")
