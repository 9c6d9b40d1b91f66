"""The argument TRIAL: a selector, which a shell completes from the run folder before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from ganbench.base.errors import UsageError
from ganbench.store.run_folder import RunFolder
from ganbench.store.trial_completion import completions

_Command = TypeVar("_Command", bound=Callable[..., Any])


class TrialSelector(click.ParamType):
    """Text that names trials of the run in the parameter ``folder``."""

    name = "trial"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        try:
            run = RunFolder(ctx.params.get("folder") or "").open()
            return [CompletionItem(text) for text in completions(run, incomplete)]
        except UsageError:
            return []


def trial_argument(name: str = "trial", **more: Any) -> Callable[[_Command], _Command]:
    """The argument TRIAL."""
    return click.argument(name, type=TrialSelector(), **more)
