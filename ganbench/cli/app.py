"""The command group: the commands, how it finds them and how it ends them.

A command's module is imported when the command runs, so that ``ganbench --help`` answers at once.
A command returns its exit code, or None for 0, and raises `ganbench.UsageError` for wrong use.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

import ganbench
from ganbench.base.errors import UsageError, did_you_mean
from ganbench.cli.outcomes import ended
from ganbench.cli.text import examples
from ganbench.registry.plugin_files import demand

#: Title -> command -> its help.
SECTIONS: dict[str, dict[str, str]] = {
    "Train and evaluate": {
        "run": "Train a grid of components and evaluate each trial.",
        "fit": "Find the GAN that does best on a folder of images in a time.",
        "grids": "List the shipped grids and recipes.",
    },
    "Follow a run": {
        "status": "Tell how far a run is, also while it runs.",
        "logs": "Print the log of a trial.",
    },
    "Look at results": {
        "results": "Print the table of a run.",
        "compare": "Compare two components or two runs.",
        "rank": "Rank the components of one kind.",
        "plot": "Draw one figure of a run into a file.",
        "report": "Write the report of a run as one HTML file.",
    },
    "Use and measure generators": {
        "project": "Find the latents of given images, and the distance reached.",
        "sample": "Draw images from a trained generator.",
        "export": "Write a generator for use without ganbench.",
        "eval": "Measure images against real images.",
        "measure": "Measure finished trials again, without training.",
    },
    "Look at components": {
        "list": "List the components that are installed.",
        "info": "Describe one component and its options.",
        "plugins": "List the plugins and their errors.",
        "new": "Write a plugin distribution to start from.",
        "bench": "Time components, also against an earlier version.",
        "doctor": "Check versions, devices, plugins and data.",
        "selftest": "Check every promise and measure every speed on this machine.",
    },
}
COMMANDS = {name: text for section in SECTIONS.values() for name, text in section.items()}
#: Commands whose module has another name.
_MODULES = {"rank": "compare"}
#: A command -> what else people call it.
_OTHER_WORDS = {
    "run": ("train", "start", "resume", "continue", "sweep", "launch"),
    "fit": ("auto", "choose", "automl", "find"),
    "project": ("invert", "inversion", "encode", "embed"),
    "grids": ("recipes", "presets", "configs"),
    "status": ("progress", "ps", "watch", "state"),
    "logs": ("log", "tail", "output"),
    "results": ("table", "show", "tables", "summary"),
    "bench": ("benchmark", "speed", "time", "profile"),
    "compare": ("diff", "versus", "test"),
    "rank": ("ranking", "leaderboard", "best"),
    "plot": ("draw", "figure", "curves", "chart"),
    "report": ("html", "page"),
    "sample": ("generate", "samples", "draw-samples", "images"),
    "export": ("save", "convert", "onnx"),
    "eval": ("evaluate", "evaluation", "fid", "score", "metrics"),
    "measure": ("remeasure", "re-evaluate"),
    "list": ("ls", "components", "losses", "architectures", "datasets"),
    "info": ("describe", "help-on", "options", "about"),
    "plugins": ("extensions", "plugin"),
    "new": ("init", "create", "scaffold", "template"),
    "doctor": ("check", "diagnose", "env", "versions"),
    "selftest": ("self-test", "verify"),
}
_PLUGIN = "plugin"


class App(click.Group):
    """A group whose commands are imported on demand, with one policy for exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"ganbench.cli.{_MODULES.get(cmd_name, cmd_name)}")
        found = (one for one in vars(module).values() if isinstance(one, click.Command))
        command = next(command for command in found if command.name == cmd_name)
        if all(param.name != _PLUGIN for param in command.params):
            command.params.append(_plugin_option())
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"no command {name!r}{did_you_mean(name, COMMANDS, _OTHER_WORDS, COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(k.ljust(width), text) for k, text in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [CompletionItem(k, help=text) for k, text in COMMANDS.items()]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [item for item in names if item.value.startswith(incomplete)] + options

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            stdout = sys.stdout
            stdout.flush()
        except (BrokenPipeError, EOFError) as error:
            # click would turn the first into exit code 1, and the second into an interruption.
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


class _Held(Exception):  # noqa: N818 - it only carries an error
    def __init__(self, error: Exception) -> None:
        self.error = error


def _plugin_option() -> click.Option:
    """``--plugin``, which the group and each command take."""
    return click.Option(
        [f"--{_PLUGIN}"],
        metavar="FILE",
        multiple=True,
        is_eager=True,  # other options name components of the file
        expose_value=False,
        type=click.Path(),
        callback=_load_plugins,
        help="A Python file with ganbench hooks, used as an installed plugin; repeatable.",
    )


def _load_plugins(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> None:
    try:
        demand(value)
    except UsageError:
        if not ctx.resilient_parsing:  # completion must not fail on a path that is half written
            raise


app = App(
    name="ganbench",
    help="Is this GAN component really better? Train every combination, and measure.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "ganbench run --grid                 train the shipped grid `quick`",
        "ganbench run -a dcgan -l hinge -l wgan-gp -d digits --seeds 3",
        "ganbench list losses                list the losses",
        'ganbench info "dcgan[width=32]"     show the options of an architecture',
    ),
    params=[_plugin_option()],
)
click.version_option(ganbench.__version__, prog_name="ganbench", message="%(prog)s %(version)s")(
    app
)
