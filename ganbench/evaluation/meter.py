"""What is told while images are measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Meter(Protocol):
    """Follows one task after the other."""

    def begin(self, title: str, total: int | None = None) -> None:
        """A task of so many images, or of unknown length, takes the place of the one before."""

    def advance(self, count: int) -> None:
        """So many images more are done."""

    def say(self, sentence: str) -> None:
        """Something that a person should know."""


class Silent:
    """Says nothing."""

    def begin(self, title: str, total: int | None = None) -> None: ...
    def advance(self, count: int) -> None: ...
    def say(self, sentence: str) -> None: ...


class Saying(Silent):
    """Says sentences and nothing else."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def begin(self, title: str, total: int | None = None) -> None:
        if total is not None:
            self._say(f"computing features, {title}")

    def say(self, sentence: str) -> None:
        """Nothing that is known from an earlier run needs to be said."""
