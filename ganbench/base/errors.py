"""The errors that ganbench shows as one sentence."""

from __future__ import annotations

from typing import Any

from ganbench.base.suggestions import did_you_mean as did_you_mean

_LONGEST = 1000


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


class ContractError(GanbenchError):
    """A component that does not keep its contract, found in a trial: it ends that trial alone."""


class DataNotFoundError(UsageError):
    """Missing data or weights that cannot be downloaded; the message says which file to put where."""


class StorageError(UsageError):
    """A file that cannot be written: a full disk, no permission, a deleted folder.

    :ivar errno: the system's error number, or None.
    """

    def __init__(self, message: str, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno

    @classmethod
    def of(cls, path: object, error: OSError) -> StorageError:
        """``cannot write to <path>: No space left on device``."""
        return cls(f"cannot write to {path}: {error.strerror or error}", error.errno)


class LeaseLostError(GanbenchError):
    """Another run has taken over this trial; this process must not touch it."""


class ReplicaLostError(GanbenchError):
    """A process that trains a trial together with this one is lost.

    :ivar status: of the trial's row.
    """

    def __init__(self, message: str, status: str = "crashed") -> None:
        super().__init__(message)
        self.status = status


class ExportError(GanbenchError):
    """A generator cannot be exported, or its file gives other images."""


class InterruptedTraining(GanbenchError):  # noqa: N818 - an event, not a fault
    """A trial stopped on request after it saved its state.

    :ivar row: its columns so far.
    """

    def __init__(self, message: str, row: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.row = row


def reason(error: BaseException) -> str:
    """An error's message on one line; its type if the message is empty."""
    return " ".join(str(error).split()) or type(error).__name__


def one_line(error: BaseException) -> str:
    """``Type: message`` on one line of limited length, even if ``str(error)`` raises."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "(its message cannot be shown)"
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} …"
    name = type(error).__name__
    return f"{name}: {text}" if text else name
