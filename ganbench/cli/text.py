"""What commands share: options, aligned columns, JSON, and examples in help texts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from ganbench.base.paths import check_path
from ganbench.base.text import columns as aligned
from ganbench.base.text import for_stream

_Command = TypeVar("_Command", bound=Callable[..., Any])


class WrittenPath(click.ParamType):
    """A path. An empty one, often from an unset shell variable, is an error."""

    name = "path"

    def __init__(self, instead: str = "write . for the current folder") -> None:
        self.instead = instead

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text, name = str(value), "the path"
        if param is not None:
            name = param.opts[0] if isinstance(param, click.Option) else param.human_readable_name
        check_path(text, name, self.instead)
        return text


def out_option(help: str, metavar: str = "FILE", **more: Any) -> Callable[[_Command], _Command]:
    """The option ``-o``."""
    instead = "name a file" if metavar == "FILE" else "write . for the current folder"
    path = WrittenPath(instead)
    return click.option("-o", "--out", type=path, metavar=metavar, help=help, **more)


#: For commands that print text.
to_file = out_option("Write to this file instead of standard output.")
data_dir = click.option(
    "--data-dir",
    type=WrittenPath(),
    metavar="DIR",
    help="Data folder; else $GANBENCH_DATA or the cache.",
)
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on standard output."
)


def columns(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Rows of cells as lines with aligned columns.

    Where a terminal is too narrow for that, each row is text that breaks between words.
    """
    lines = aligned(rows, indent)
    shown = [for_stream(line, sys.stdout) for line in lines]
    if shown == lines:
        return lines
    texts = (indent + "  ".join(filter(None, row)) for row in rows)
    return [for_stream(text, sys.stdout, indent + "    ") for text in texts]


def say(text: str, err: bool = False) -> None:
    """Print a sentence or several; in a terminal, lines break between words."""
    click.echo(for_stream(text, sys.stderr if err else sys.stdout), err=err)


def examples(*lines: str) -> str:
    """A help epilog with one example on each line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def echo_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
