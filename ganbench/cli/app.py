"""The command group: which commands exist, and how they are found and ended.

Commands are imported when they are run, so that ``ganbench --help`` waits for none of them.
A command returns its exit code, or None for 0, and raises `ganbench.UsageError` for wrong use.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

import ganbench
from ganbench.cli.outcomes import ended
from ganbench.cli.text import examples
from ganbench.errors import did_you_mean


class Entry(NamedTuple):
    """A command that is not imported yet."""

    target: str
    help: str


SECTIONS: dict[str, dict[str, Entry]] = {
    "Train and evaluate": {
        "run": Entry("ganbench.cli.run:run", "Train a grid of components and evaluate each trial."),
        "grids": Entry("ganbench.cli.grids:grids", "List the shipped grids and recipes."),
    },
    "Follow a run": {
        "status": Entry("ganbench.cli.status:status", "Tell how far a run is, also while it runs."),
        "logs": Entry("ganbench.cli.logs:logs", "Print what a trial printed."),
    },
    "Look at results": {
        "results": Entry("ganbench.cli.results:results", "Print the table of a run's trials."),
        "compare": Entry(
            "ganbench.cli.compare:compare", "Tell what one component does against another."
        ),
        "rank": Entry("ganbench.cli.rank:rank", "Rank the components of one kind."),
        "plot": Entry("ganbench.cli.plot:plot", "Draw one figure of a run into a file."),
        "report": Entry("ganbench.cli.report:report", "Write a run's report as one HTML file."),
    },
    "Use and measure generators": {
        "sample": Entry("ganbench.cli.sample:sample", "Draw images from a trained generator."),
        "export": Entry(
            "ganbench.cli.export:export", "Write a generator for use without ganbench."
        ),
        "eval": Entry("ganbench.cli.eval:eval_", "Measure images against real ones."),
        "measure": Entry(
            "ganbench.cli.measure:measure", "Measure finished trials again, without training."
        ),
    },
    "Look at components": {
        "list": Entry("ganbench.cli.components:list_", "List the components that are installed."),
        "info": Entry("ganbench.cli.components:info", "Describe one component and its options."),
        "plugins": Entry(
            "ganbench.cli.plugins:plugins", "List the plugins and what failed to load."
        ),
        "doctor": Entry("ganbench.cli.doctor:doctor", "Check versions, devices, plugins and data."),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class App(click.Group):
    """A group whose commands are imported on demand, with one policy for exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"no command {name!r}{did_you_mean(name, COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(k.ljust(width), entry.help) for k, entry in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        names = [CompletionItem(k, help=entry.help) for k, entry in COMMANDS.items()]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [item for item in names if item.value.startswith(incomplete)] + options

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            stdout = sys.stdout
            stdout.flush()
        except (BrokenPipeError, EOFError) as error:
            # click would take the one for exit code 1, and the other for an interruption.
            raise _Held(error) from error
        return result

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        try:
            result = super().main(args, prog_name, complete_var, False, **extra)
        except SystemExit as end:
            sys.exit(ended(None, end.code) if isinstance(end.code, int) else end.code)
        except BaseException as error:
            sys.exit(ended(error.error if isinstance(error, _Held) else error))
        sys.exit(ended(None, result if isinstance(result, int) else 0))


class _Held(Exception):  # noqa: N818 - it carries an error and is none
    def __init__(self, error: Exception) -> None:
        self.error = error


app = App(
    name="ganbench",
    help="Is this GAN component really better? Train every combination, and measure.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "ganbench run --grid                 train the shipped grid `quick`",
        "ganbench run -a dcgan -l hinge -l wgan-gp -d digits --seeds 3",
        "ganbench list losses                which losses there are",
        'ganbench info "dcgan[width=32]"     what an architecture takes',
    ),
    params=[],
)
click.version_option(ganbench.__version__, prog_name="ganbench", message="%(prog)s %(version)s")(
    app
)
