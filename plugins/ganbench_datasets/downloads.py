"""Data sets that torchvision reads and, where they are missing, downloads."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

import filelock

from ganbench import DataNotFoundError

_T = TypeVar("_T")
_SECONDS_OF_SILENCE = 30.0
_REASON_LENGTH = 200


def diagnosis(name: str, places: Iterable[Path]) -> Iterator[tuple[Literal["ok"], str]]:
    """Whether a data set's files are there. Missing files are fine: the first use downloads them."""
    present = [place for place in places if place.exists()]
    if present:
        yield "ok", f"{name} is in {present[0]}"
    else:
        yield "ok", f"{name} is missing and will be downloaded on first use"


class _Missing(Exception):  # noqa: N818 - an answer, not a fault
    """The data is not in the folder."""


def obtain(name: str, read: Callable[[bool], _T], root: Path, advice: str) -> _T:
    """The result of torchvision's loader, from the folder if possible, else from the network.

    Processes that need the same data wait for the one that downloads it.

    :param name: the data set's name, for the lock and the messages.
    :param read: makes torchvision's data set; its argument is ``download``.
    :param root: the data folder.
    :param advice: which file to put where, such as "put the file x into /data/y".
    :raises DataNotFoundError: if the data is missing and cannot be downloaded, or is damaged.
    """
    with contextlib.suppress(_Missing):
        return _read_present(name, read, advice)
    try:
        with _only_process(root, name):
            with contextlib.suppress(_Missing):  # another process may have been quicker
                return _read_present(name, read, advice)
            with _patience(), contextlib.redirect_stdout(sys.stderr):
                return read(True)
    except DataNotFoundError:
        raise
    except Exception as error:  # a download may fail in any way
        raise DataNotFoundError(
            f"{name} is not in the data folder {root.absolute()} and cannot be downloaded "
            f"({_reason(error)}); {advice}, or name another data folder"
        ) from error


def _read_present(name: str, read: Callable[[bool], _T], advice: str) -> _T:
    try:
        return read(False)
    except Exception as error:  # a damaged file may make the loader raise anything
        if isinstance(error, RuntimeError) and "not found" in str(error).lower():
            raise _Missing from error
        raise DataNotFoundError(
            f"{name} is there but cannot be read ({_reason(error)}): remove its files to download "
            f"them again, or {advice}"
        ) from error


@contextlib.contextmanager
def _only_process(root: Path, name: str) -> Iterator[None]:
    root.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(root / f".{name}.lock"):
        yield


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """A silent connection must not block a trial forever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SECONDS_OF_SILENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return text if len(text) <= _REASON_LENGTH else f"{text[:_REASON_LENGTH]}…"
