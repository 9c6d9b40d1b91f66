"""Plain text for terminals: aligned columns, and examples in help texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from ganbench.paths import check_path


class WrittenPath(click.ParamType):
    """A path; an empty one, such as an unset shell variable leaves, is refused."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        check_path(text, _name_of(param))
        return text


#: The option ``-o`` of commands that write text.
to_file = click.option(
    "-o",
    "--out",
    type=WrittenPath(),
    metavar="FILE",
    help="Write to a file in place of standard output.",
)


def _name_of(param: click.Parameter | None) -> str:
    if isinstance(param, click.Option):
        return param.opts[0]
    return "the path" if param is None else param.human_readable_name


def examples(*lines: str) -> str:
    """An epilog that lists examples, each on its own line as it is."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def columns(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Rows of cells as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [indent + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def echo_json(document: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
