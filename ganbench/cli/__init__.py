"""The command line, one module per command group."""

from __future__ import annotations

from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> None:
    """Run ``ganbench`` with ``args``, or with the process's own; ends with SystemExit."""
    from ganbench.cli.app import app

    app.main(args=args, prog_name="ganbench")
