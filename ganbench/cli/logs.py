"""``ganbench logs``."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

import click

from ganbench.base.errors import UsageError
from ganbench.base.text import plain
from ganbench.cli.outcomes import INTERRUPTED, reader_gone
from ganbench.cli.text import WrittenPath, examples
from ganbench.cli.trial_argument import trial_argument
from ganbench.execution.run_status import look_at
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import FINISHED
from ganbench.store.trial_folder import TrialFolder

_BLOCK = 1 << 16
_PAUSE = 0.25  # seconds between looks at a log that is being written
_LOOK = 1.0  # between looks at the trial
_SILENCE = 1.0  # after which a trial that has its row will print no more


@click.command(
    epilog=examples(
        "ganbench logs runs/quick dcgan-hinge-digits-s0",
        "ganbench logs runs/quick dcgan-hinge-digits-s0 -n 20",
        "ganbench logs runs/quick architecture=mlp,loss=hinge,seed=1 -f",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@trial_argument()
@click.option(
    "-f", "--follow", is_flag=True, help="Also print what comes, until the trial has ended."
)
@click.option("-n", "--lines", type=click.IntRange(0), metavar="LINES", help="Only the last lines.")
def logs(folder: str, trial: str, follow: bool, lines: int | None) -> int | None:
    """Print what a trial printed.

    TRIAL is an id or a part of one, or a selector such as loss=hinge,seed=0 or best.

    On a terminal control characters are shown as \\x1b; elsewhere every byte goes out as it is.
    """
    run = RunFolder(folder).open()
    place = run.find(trial, planned=run.read_plan() or ())
    try:
        log = _Log(run, place, lines, follow)
        _write(log.blocks())
    except KeyboardInterrupt:  # the usual end of following a log
        return INTERRUPTED
    if not log.found:
        raise UsageError(f"trial {place.id} has no log: {_why_none(place)}")
    if log.empty:
        click.echo(f"Trial {place.id} has printed nothing.", err=True)
    return None


def _write(blocks: Iterator[bytes]) -> None:
    """Write bytes as they are, or, on a terminal, made harmless."""
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
    """Makes text that cannot steer a terminal.

    Lines end as on any system, or where a progress bar returns to its beginning. Other control
    characters, and those that reorder text, appear as their numbers.
    """

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)

    def text(self, data: bytes, final: bool = False) -> str:
        """What to show for the next bytes of a stream."""
        text = self._decoder.decode(data, final)
        return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class _Log:
    """The bytes of a trial's log.

    :ivar found: whether it exists.
    :ivar empty: whether it holds nothing.
    """

    def __init__(self, run: RunFolder, trial: TrialFolder, lines: int | None, follow: bool) -> None:
        self._run, self._trial, self._path = run, trial, trial.log_txt
        self._lines, self._follow = lines, follow
        self._next_look = 0.0
        self._said = False
        self._ended = not follow
        self.found, self.empty = False, True

    def blocks(self) -> Iterator[bytes]:
        """The log in blocks, and new text while it is followed."""
        file, lines = self._first(), self._lines
        while file is not None:
            self.found = True
            with file:
                self.empty = self.empty and not os.fstat(file.fileno()).st_size
                if lines is not None:
                    seek_last_lines(file, lines)
                file = yield from self._content(file)
            lines = None  # a log that replaces this one is all new

    def _first(self) -> BinaryIO | None:
        """Wait for the log; None if the trial has ended without one."""
        while True:
            ended = self._no_more()
            file = _opened(self._path)
            if file is not None or ended:
                return file
            _pause()

    def _content(self, file: BinaryIO) -> Generator[bytes, None, BinaryIO | None]:
        """The content of one file, until no more comes; returns the file that replaced it, if any."""
        silent = time.monotonic()
        while True:
            another = _another(self._path, file) if self._follow else None
            while block := file.read(_BLOCK):
                self.empty = False
                yield block
                silent = time.monotonic()
            if another is not None or not self._follow:
                return another
            if os.fstat(file.fileno()).st_size < file.tell():
                click.echo("The log was cut; it continues from its beginning.", err=True)
                file.seek(0)
            elif not self._no_more():
                _pause()
                silent = time.monotonic()
            elif time.monotonic() - silent >= _SILENCE:
                return None
            else:
                _pause()

    def _no_more(self) -> bool:
        """Whether the trial has its final row and nobody trains it again; looks once a second."""
        if not self._ended and time.monotonic() >= self._next_look:
            status, running, alive = look_at(self._run, self._trial)
            self._ended = status in FINISHED and not running
            if not alive and status not in FINISHED and not self._said:
                self._said = True
                click.echo(
                    "Nothing is running; waiting for the trial to continue (Ctrl-C ends).", err=True
                )
            self._next_look = time.monotonic() + _LOOK
        return self._ended


def seek_last_lines(file: BinaryIO, lines: int) -> None:
    """Seek the beginning of the last lines of a file, and read no more than them."""
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
    """The file at the path, if it is another one."""
    there = _opened(path)
    if there is not None and os.path.samestat(os.fstat(there.fileno()), os.fstat(file.fileno())):
        there.close()
        return None
    return there


def _pause() -> None:
    """Wait for more; raises BrokenPipeError if nobody reads any more."""
    time.sleep(_PAUSE)
    if reader_gone():
        raise BrokenPipeError


def _why_none(trial: TrialFolder) -> str:
    row = trial.read_row()
    if row is None:
        return "it has not been started"
    if row["status"] == "skipped":
        return plain(f"it was skipped: {row['error']}")
    return "it was removed, or the trial printed nothing"
