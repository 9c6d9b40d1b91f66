"""What commands share: options, aligned columns, JSON, and examples in help texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ganbench.base.paths import check_path
from ganbench.base.text import columns as columns

_Command = TypeVar("_Command", bound=Callable[..., Any])


class WrittenPath(click.ParamType):
    """A path. An empty one, often from an unset shell variable, is an error."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text, name = str(value), "the path"
        if param is not None:
            name = param.opts[0] if isinstance(param, click.Option) else param.human_readable_name
        check_path(text, name)
        return text


def out_option(help: str, metavar: str = "FILE", **more: Any) -> Callable[[_Command], _Command]:
    """The option ``-o``."""
    return click.option("-o", "--out", type=WrittenPath(), metavar=metavar, help=help, **more)


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


def examples(*lines: str) -> str:
    """A help epilog with one example on each line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def echo_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
