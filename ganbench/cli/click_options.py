"""The options of a run, made from the fields of `RunOptions`, and ``--metrics``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ganbench.cli.spec_completion import specs
from ganbench.execution.run_options import Option, flags, repeatable, run_options

_Command = TypeVar("_Command", bound=Callable[..., Any])


def metrics(by_default: str) -> Callable[[_Command], _Command]:
    """The option ``--metrics``."""
    text = f"Specs of metrics (see ganbench list metrics); by default {by_default}."
    return click.option("--metrics", metavar="A,B,…", help=text)


def with_run_options(*names: str) -> Callable[[_Command], _Command]:
    """Add the options of a run to a command: all of them, or those that are named."""

    def add(command: _Command) -> _Command:
        known = run_options()
        for name in reversed(names or tuple(known)):
            command = _click_option(known[name])(command)
        return command

    return add


def _click_option(option: Option) -> Callable[[_Command], _Command]:
    about = option.metadata
    given = {"help": about["help"], "metavar": about["metavar"], "default": option.default}
    if isinstance(option.default, bool):
        given["is_flag"] = True
    elif repeatable(option):
        given |= {"multiple": True, "help": f"{about['help'].removesuffix('.')}; repeatable."}
    else:
        given["type"] = _click_type(option)
    if option.name == "callbacks":
        given["shell_complete"] = specs("callback")
    elif option.name == "rerun":
        given["shell_complete"] = specs()
    return click.option(*flags(option), option.name, **given)


def _click_type(option: Option) -> click.ParamType:
    """Numbers within bounds; the option itself reads what a person writes otherwise."""
    about, kind = option.metadata, str(option.type)
    if about["parse"] is None and kind.startswith("int"):
        return click.IntRange(about.get("ge"), about.get("le"))
    if about["parse"] is None and kind.startswith("float"):
        return click.FloatRange(about.get("gt"), about.get("le"), min_open=True)
    return click.STRING
