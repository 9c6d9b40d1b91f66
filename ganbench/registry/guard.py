"""Run the code of plugins: what it prints must not hurt the program."""

from __future__ import annotations

import contextlib
import sys
from typing import TextIO


def quiet_stdout() -> contextlib.redirect_stdout[TextIO]:
    """Send what a plugin prints to standard error: standard output may be one JSON document."""
    return contextlib.redirect_stdout(sys.stderr)
