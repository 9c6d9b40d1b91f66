"""What every outcome of a command becomes: an exit code, and a sentence for a person."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import sys
import traceback
from typing import TextIO

import click

from ganbench.errors import InterruptedTraining, UsageError

WRONG_USE = 2
INTERNAL_ERROR = 3
INTERRUPTED = 130
READER_GONE = 141  # as of a process that SIGPIPE ended

#: What a system says of a place that takes no more: no fault of the program that writes.
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def ended(error: BaseException | None, code: int = 0) -> int:
    """Flush what a command has printed, tell a person what ended it, and give the exit code.

    :param error: None for a command that ended by itself with the code.
    """
    stdout = sys.stdout
    try:
        if error is not None:
            code = exit_code(error)
        stdout.flush()
    except OSError as another:  # what is to be told cannot be, on either stream
        code = exit_code(another) if error is None else code or WRONG_USE
    for stream in (sys.stdout, sys.stderr):
        _drop_unwritable(stream)
    return code


def exit_code(error: BaseException) -> int:
    """Tell a person what ended a command, and give the process's exit code for it."""
    if isinstance(error, BrokenPipeError) and reader_gone():
        _drop(sys.stdout)
        return READER_GONE
    if isinstance(error, OSError) and (reason := unwritable(error)):
        with contextlib.suppress(OSError):
            click.echo(f"Error: {reason}", err=True)
        return WRONG_USE
    if os.environ.get("GANBENCH_DEBUG", "") not in ("", "0"):
        traceback.print_exception(error)
    if isinstance(error, (click.exceptions.Abort, KeyboardInterrupt, InterruptedTraining)):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        error.show()
        return WRONG_USE
    if isinstance(error, UsageError):
        click.echo(f"Error: {error}", err=True)
        return WRONG_USE
    text = " ".join(f"{type(error).__name__}: {error}".split())
    click.echo(f"Internal error: {text}", err=True)
    click.echo("Set GANBENCH_DEBUG=1 to see where it comes from.", err=True)
    return INTERNAL_ERROR


def reader_gone() -> bool:
    """Whether it is standard output whose reader has left, and not some pipe of our own."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), select.POLLOUT)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (AttributeError, OSError, ValueError):  # no poll, or no descriptor
        return False


def unwritable(error: OSError) -> str:
    """A sentence where an error says that a standard stream cannot be written; empty for another."""
    if error.errno not in _UNWRITABLE or error.filename is not None:
        return ""
    for name, stream in (("output", sys.stdout), ("error", sys.stderr)):
        if _fails_again(stream) or _was_written(stream, error):
            return f"standard {name} cannot be written: {error.strerror or error}"
    return ""


def _fails_again(stream: TextIO) -> bool:
    """Whether a stream still holds what it could not write; one without a buffer never does."""
    try:
        stream.flush()
    except OSError:
        return True
    return False


def _was_written(stream: TextIO, error: OSError) -> bool:
    """Whether the function that failed had the stream at hand."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    streams = (stream, getattr(stream, "buffer", None))
    values = [] if at is None else at.tb_frame.f_locals.values()
    return any(value is known for value in values for known in streams if known is not None)


def _drop_unwritable(stream: TextIO) -> None:
    try:
        stream.flush()
    except (OSError, ValueError):
        _drop(stream)


def _drop(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, or Python would fail when it closes the stream."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
