"""The command line, one module per command group."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ganbench.cli.app import app


def main(args: Sequence[str] | None = None) -> None:
    """Run ``ganbench`` with ``args``, by default the process's own; ends with SystemExit."""
    _open_missing_streams()
    app.main(args=args, prog_name="ganbench")


def _open_missing_streams() -> None:
    """Open closed standard streams, or the next opened files would get their numbers."""
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        continue
    os.close(descriptor)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
