"""Running code that others wrote: what it prints and raises must not hurt its host."""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Iterator
from typing import Any

_LONGEST = 1000


@contextlib.contextmanager
def quiet_stdout() -> Iterator[None]:
    """Send what foreign code prints to stderr: standard output may be one JSON document."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def import_target(target: str) -> Any:
    """The object that ``"package.module:attribute"`` names."""
    module, _, attribute = target.partition(":")
    with quiet_stdout():
        return functools.reduce(getattr, attribute.split("."), importlib.import_module(module))


def one_line(error: BaseException) -> str:
    """``Type: message`` on one line of bearable length, whatever the exception does when shown."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "(its message cannot be shown)"
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} …"
    name = type(error).__name__
    return f"{name}: {text}" if text else name
