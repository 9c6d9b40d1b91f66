"""What every outcome of a command becomes: an exit code, and a sentence for a person."""

from __future__ import annotations

import os
import select
import sys
import traceback

import click

from ganbench.errors import InterruptedTraining, UsageError

WRONG_USE = 2
INTERNAL_ERROR = 3
INTERRUPTED = 130
READER_GONE = 141  # as of a process that SIGPIPE ended


def exit_code(error: BaseException) -> int:
    """Tell a person what ended a command, and give the process's exit code for it."""
    if isinstance(error, BrokenPipeError) and reader_gone():
        _drop_output()
        return READER_GONE
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


def _drop_output() -> None:
    """Let what is still buffered go nowhere, or Python would fail when it closes the stream."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
