"""Where in an author's files an error arose: ``my_loss.py:7``."""

from __future__ import annotations

import inspect
import os
import traceback
from collections.abc import Callable
from typing import Any


class HookError(ValueError):
    """Hooks that ganbench cannot call.

    :ivar place: of the function at fault; empty if it is not known.
    """

    def __init__(self, message: str, function: Callable[..., Any] | None = None) -> None:
        super().__init__(message)
        self.place = "" if function is None else place_of(function)


def place_of(code: Any) -> str:
    """Where a class or function stands; empty if no file has it."""
    try:
        lines = inspect.getsourcelines(code)[1]
        file = inspect.getsourcefile(code)
    except (OSError, TypeError):
        return ""
    return "" if file is None else _written(file, lines)


def place_of_error(error: BaseException, module: str) -> str:
    """The last line of a plugin that an error came through; empty if it came through none.

    :param module: of the plugin; its package counts as a whole.
    """
    if isinstance(error, HookError) and error.place:
        return error.place
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return _written(error.filename, error.lineno)
    package = module.partition(".")[0]
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == package
    ]
    return _written(*frames[-1]) if frames else ""


def _written(file: str, line: int) -> str:
    """Relative to the working directory for a file in it."""
    path = os.path.relpath(file) if _is_here(file) else file
    return f"{path}:{line}"


def _is_here(file: str) -> bool:
    here = os.path.join(os.path.realpath(os.getcwd()), "")
    return os.path.realpath(file).startswith(here)
