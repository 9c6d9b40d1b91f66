"""The errors that ganbench shows to a person as one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class GanbenchError(Exception):
    """Base of all errors that ganbench raises on purpose."""


class UsageError(GanbenchError):
    """Wrong use, a bad grid or a missing input: one clear sentence, exit code 2, nothing written."""


class UnknownNameError(UsageError):
    """A component, option or key that does not exist, with the nearest name that does."""


class ConflictError(UsageError):
    """A bare component name that several distributions claim."""


class BrokenComponentError(UsageError):
    """A component that is registered but cannot be imported or is not what its hook promised."""


class DataNotFoundError(UsageError):
    """Data or weights that are neither there nor to be had; says what to put where."""


class StorageError(UsageError):
    """A file that cannot be written: a full disk, no permission, a folder that is gone.

    :ivar errno: the system's number for it; None where there is none.
    """

    def __init__(self, message: str, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno

    @classmethod
    def of(cls, path: object, error: OSError) -> StorageError:
        """``cannot write to <path>: No space left on device``."""
        return cls(f"cannot write to {path}: {error.strerror or error}", error.errno)


class ClaimLostError(GanbenchError):
    """A trial that another run has taken over; whoever finds out must leave it alone."""


class ExportError(GanbenchError):
    """A generator that cannot be written, or whose file does not do what the generator does."""


class InterruptedTraining(GanbenchError):  # noqa: N818 - an event, not a fault
    """A trial that stopped on request after it had saved its state.

    :ivar row: what is known of it so far.
    """

    def __init__(self, message: str, row: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.row = row


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suffix such as ``; did you mean 'dcgan'?``, or what exists where nothing is near."""
    names = sorted(set(known))
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not names:
        return "; there are none"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"; known: {shown}"
