"""Turn the outcome of a command into an exit code and a sentence."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
import traceback
from typing import TextIO

import click

from ganbench.base.errors import ContractError, InterruptedTraining, UsageError
from ganbench.base.text import for_stream
from ganbench.cli.click_errors import explained

WRONG_USE = 2
INTERNAL_ERROR = 3
INTERRUPTED = 130
READER_GONE = 141  # like a process that SIGPIPE ended

#: Errors of a place that cannot be written to; the program that writes is not at fault.
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def ended(error: BaseException | None, code: int = 0) -> int:
    """Flush the output of a command, print what ended it, and return the exit code.

    :param error: None for a command that ended by itself with the code.
    """
    stdout = sys.stdout
    try:
        if error is not None:
            code = exit_code(error)
        stdout.flush()
    except OSError as another:  # neither stream can be written
        code = exit_code(another) if error is None else code or WRONG_USE
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            _drop(stream)
    return code


def exit_code(error: BaseException) -> int:
    """Print what ended a command, and return the exit code of the process."""
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
        _show(explained(error))
        return WRONG_USE
    if isinstance(error, (UsageError, ContractError)):
        _tell(f"Error: {error}")
        return WRONG_USE
    text = " ".join(f"{type(error).__name__}: {error}".split())
    _tell(f"Internal error: {text}")
    click.echo("Set GANBENCH_DEBUG=1 to see where it comes from.", err=True)
    return INTERNAL_ERROR


def _tell(sentence: str) -> None:
    click.echo(for_stream(sentence, sys.stderr), err=True)


def _show(error: click.ClickException) -> None:
    """As click shows an error, with lines that break between words."""
    shown = io.StringIO()
    error.show(shown)
    _tell(shown.getvalue().rstrip("\n"))


def reader_gone() -> bool:
    """Whether the reader of standard output has left; other pipes do not count."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), select.POLLOUT)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    except (AttributeError, OSError, ValueError):  # no poll, or no descriptor
        return False


def unwritable(error: OSError) -> str:
    """A sentence for an error of a standard stream that cannot be written, else an empty text."""
    if error.errno not in _UNWRITABLE or error.filename is not None:
        return ""
    for name, stream in (("output", sys.stdout), ("error", sys.stderr)):
        if _fails_again(stream) or _was_written(stream, error):
            return f"standard {name} cannot be written: {error.strerror or error}"
    return ""


def _fails_again(stream: TextIO) -> bool:
    """Whether a stream still holds text that it could not write; an unbuffered stream never does."""
    try:
        stream.flush()
    except OSError:
        return True
    return False


def _was_written(stream: TextIO, error: OSError) -> bool:
    """Whether the function that failed was using the stream."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    streams = (stream, getattr(stream, "buffer", None))
    values = [] if at is None else at.tb_frame.f_locals.values()
    return any(value is known for value in values for known in streams if known is not None)


def _drop(stream: TextIO) -> None:
    """Discard buffered text, or Python would fail when it closes the stream."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
