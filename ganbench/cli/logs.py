"""``ganbench logs``."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from ganbench.cli.outcomes import INTERRUPTED, reader_gone
from ganbench.cli.text import WrittenPath, examples
from ganbench.errors import UsageError

if TYPE_CHECKING:
    from ganbench.results.store import RunFolder, TrialFolder

_BLOCK = 1 << 16
_PAUSE = 0.25  # seconds between looks at a log that is being written
_LOOK = 1.0  # between looks at the trial
_SILENCE = 1.0  # after which a trial that has its row will print no more


@click.command(
    epilog=examples(
        "ganbench logs runs/quick dcgan-hinge-digits-s0",
        "ganbench logs runs/quick dcgan-hinge-digits-s0 -n 20",
        "ganbench logs runs/quick dcgan-hinge-digits-s0 -f",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@click.argument("trial")
@click.option(
    "-f", "--follow", is_flag=True, help="Go on as text comes, until the trial has ended."
)
@click.option("-n", "--lines", type=click.IntRange(0), metavar="LINES", help="Only the last lines.")
def logs(folder: str, trial: str, follow: bool, lines: int | None) -> int | None:
    """Print what a trial printed; TRIAL is its id or a part of it.

    On a terminal control characters are shown as \\x1b; elsewhere every byte goes out as it is.
    """
    from ganbench.results.store import RunFolder

    run = RunFolder(folder).open()
    place = run.find(trial, planned=run.read_plan() or ())
    try:
        log = _Log(place, lines, _Following(run, place) if follow else None)
        _write(log.blocks())
    except KeyboardInterrupt:  # how following a log ends as a rule
        return INTERRUPTED
    if not log.found:
        raise UsageError(f"trial {place.id} has no log: {_why_none(place)}")
    if log.empty:
        click.echo(f"Trial {place.id} has printed nothing.", err=True)
    return None


def _write(blocks: Iterator[bytes]) -> None:
    """Put bytes out as they are, or, on a terminal, made harmless."""
    harmless = Harmless() if sys.stdout.isatty() else None
    out = sys.stdout.buffer
    for block in blocks:
        out.write(block if harmless is None else _encoded(harmless.text(block)))
        out.flush()
    if harmless is not None:
        out.write(_encoded(harmless.text(b"", final=True)))


def _encoded(text: str) -> bytes:
    return text.encode(sys.stdout.encoding, "backslashreplace")


class Harmless:
    """Text for a terminal that it cannot be steered by.

    Lines end as on any system, or where a progress bar returns to its beginning; other control
    characters, and those that reorder text, are shown by their number.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._held = ""

    def text(self, data: bytes, final: bool = False) -> str:
        """What to show for the next bytes of a stream."""
        text = self._held + self._decoder.decode(data, final)
        # Whether a carriage return ends a line by itself shows in what follows it.
        cut = len(text) - (text.endswith("\r") and not final)
        text, self._held = text[:cut], text[cut:]
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return _STEERING.sub(lambda match: _numbered(match[0]), text)


_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def _numbered(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class _Following:
    """Whether more text may come into a trial's log."""

    def __init__(self, run: RunFolder, trial: TrialFolder) -> None:
        self._run, self._trial = run, trial
        self._next_look = 0.0
        self._told = False
        self._ended = False

    def ended(self) -> bool:
        """Whether the trial has its final row and nobody trains it anew; looks once a second."""
        if not self._ended and time.monotonic() >= self._next_look:
            self._ended = self._look()
            self._next_look = time.monotonic() + _LOOK
        return self._ended

    def _look(self) -> bool:
        from ganbench.execution.watch import look_at
        from ganbench.results.schema import FINISHED

        status, running, alive = look_at(self._run, self._trial)
        if not alive and status not in FINISHED and not self._told:
            self._told = True
            click.echo(
                "Nothing is running; waiting for the trial to go on (Ctrl-C ends).", err=True
            )
        return status in FINISHED and not running


class _Log:
    """The bytes of a trial's log.

    :ivar found: whether there was one.
    :ivar empty: whether there was nothing in it.
    """

    def __init__(self, trial: TrialFolder, lines: int | None, following: _Following | None) -> None:
        self._path = trial.log_txt
        self._lines, self._following = lines, following
        self.found, self.empty = False, True

    def blocks(self) -> Iterator[bytes]:
        """The log in blocks, and what is added to it while it is followed."""
        file, lines = self._first(), self._lines
        while file is not None:
            self.found = True
            with file:
                self.empty = self.empty and not os.fstat(file.fileno()).st_size
                if lines is not None:
                    seek_last_lines(file, lines)
                file = yield from self._content(file)
            lines = None  # a log that takes this one's place is new as a whole

    def _first(self) -> BinaryIO | None:
        """The log, once there is one; None if there will be none."""
        while True:
            ended = self._following is None or self._following.ended()
            file = _opened(self._path)
            if file is not None or ended:
                return file
            _pause()

    def _content(self, file: BinaryIO) -> Generator[bytes, None, BinaryIO | None]:
        """What one file holds, until no more comes; returns the file that took its place, if any."""
        silent = time.monotonic()
        while True:
            another = None if self._following is None else _another(self._path, file)
            while block := file.read(_BLOCK):
                self.empty = False
                yield block
                silent = time.monotonic()
            if another is not None or self._following is None:
                return another
            if os.fstat(file.fileno()).st_size < file.tell():
                click.echo("The log was cut; it goes on from its beginning.", err=True)
                file.seek(0)
            elif not self._following.ended():
                _pause()
                silent = time.monotonic()
            elif time.monotonic() - silent >= _SILENCE:
                return None
            else:
                _pause()


def seek_last_lines(file: BinaryIO, lines: int) -> None:
    """Go to where the last lines of a file begin, reading no more than them."""
    end = file.seek(0, os.SEEK_END)
    position, left = end, lines + 1  # the end of the line before them is one more
    while position > 0 and left > 0:
        size = min(_BLOCK, position)
        position -= size
        file.seek(position)
        block = file.read(size)
        stop = len(block)
        if position + size == end and not block.endswith(b"\n"):
            left -= 1  # a last line without an end
        while left > 0 and (found := block.rfind(b"\n", 0, stop)) >= 0:
            stop, left = found, left - 1
        if left == 0:
            file.seek(position + stop + 1)
            return
    file.seek(end if lines == 0 else 0)


def _opened(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def _another(path: Path, file: BinaryIO) -> BinaryIO | None:
    """The file that the path leads to, if it is not the one that is read."""
    there = _opened(path)
    if there is None:
        return None
    with contextlib.ExitStack() as stack:
        stack.callback(there.close)
        if os.path.samestat(os.fstat(there.fileno()), os.fstat(file.fileno())):
            return None
        stack.pop_all()
        return there


def _pause() -> None:
    """Wait for more; raises BrokenPipeError if nobody reads any more."""
    time.sleep(_PAUSE)
    if reader_gone():
        raise BrokenPipeError


def _why_none(trial: TrialFolder) -> str:
    from ganbench.results.formatting import plain

    row = trial.read_row()
    if row is None:
        return "it has not been started"
    if row["status"] == "skipped":
        return plain(f"it was skipped: {row['error']}")
    return "it was removed, or nothing was ever printed"
