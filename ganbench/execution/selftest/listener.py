"""Who follows a self-test while it runs."""

from __future__ import annotations

from ganbench.execution.selftest.outcome import Check, Outcome


class Listener:
    """Follows the checks. This base class shows nothing."""

    def began(self, check: Check) -> None:
        """A check begins."""

    def say(self, sentence: str) -> None:
        """How far the present check is."""

    def ended(self, check: Check, outcome: Outcome, seconds: float) -> None:
        """A check has ended."""

    def close(self) -> None:
        """Nothing follows."""
