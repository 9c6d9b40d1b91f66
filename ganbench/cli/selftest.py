"""``ganbench selftest``."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from ganbench.base.devices import choose_device
from ganbench.base.errors import UsageError, did_you_mean
from ganbench.base.text import counted, duration, plain
from ganbench.cli.click_options import with_run_options
from ganbench.cli.outcomes import INTERRUPTED
from ganbench.cli.results import checked_target, write_out
from ganbench.cli.text import as_json, examples, out_option, say
from ganbench.execution.progress.live_display import on_terminal
from ganbench.execution.selftest.conductor import conduct
from ganbench.execution.selftest.document import document
from ganbench.execution.selftest.listener import Listener
from ganbench.execution.selftest.outcome import Check, Outcome
from ganbench.registry.guard import quiet_stdout

_FILE = "selftest.json"
_LIMIT = 1800.0  # seconds of one check
_WIDTH_OF_FILES = 100
_MEASURED = {"held": "measured", "broken": "failed", "impossible": "impossible"}


@click.command(
    epilog=examples(
        "ganbench selftest                      on the GPU if there is one",
        "ganbench selftest --quick              the same in a few minutes, with less of each",
        "ganbench selftest --device cuda:1 -o card-1.json",
        "ganbench selftest --only resumed --only graph",
    )
)
@with_run_options("device")
@click.option("--quick", is_flag=True, help="Fewer cells, precisions, rounds and samples.")
@click.option("--only", "names", metavar="NAME", multiple=True,
              help="Only this check; repeatable. An unknown name lists all.")  # fmt: skip
@out_option(f"Write the JSON document to this file; by default {_FILE}.", default=_FILE)
@as_json
def selftest(
    device: str | None, quick: bool, names: tuple[str, ...], out: str, as_json: bool
) -> int:
    """Check every promise of ganbench on this machine, and measure every speed.

    The checks train small networks on made-up data; they need no download. Each promise that does
    not hold comes with what it means for results, and with what avoids it. Exit code: 0 all promises
    hold, 1 one does not, 2 wrong use, 130 interrupted.
    """
    target = checked_target(out)
    chosen = choose_device(device)

    from ganbench.execution.selftest.checks import CHECKS, named  # loads torch

    known = [check.name for check in CHECKS]
    for name in names:
        if name not in known:
            raise UsageError(f"--only {name}: no such check{did_you_mean(name, known)}")
    checks = named(names)
    with contextlib.closing(_follower(len(checks))) as display, quiet_stdout():
        found = conduct(checks, str(chosen), quick, display, _LIMIT)
    if found.interrupted and not found.outcomes:
        raise KeyboardInterrupt
    content = document(checks, found, quick)
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    click.echo(text if as_json else "\n".join(_lines(content)))
    write_out(target, text + "\n")
    if found.interrupted:
        count = f"{len(found.outcomes)} of {counted(len(checks), 'check')}"
        say(f"Interrupted; {target} has what {count} found.", err=True)
        return INTERRUPTED
    return 1 if content["broken"] else 0


def _lines(content: dict[str, Any]) -> list[str]:
    from ganbench.cli.selftest_text import lines

    width = shutil.get_terminal_size((_WIDTH_OF_FILES, 24)).columns
    return list(lines(content, width))


class _Lines(Listener):
    """A line on standard error for each check that has ended."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0

    def ended(self, check: Check, outcome: Outcome, seconds: float) -> None:
        self._done += 1
        word = outcome.result if check.promises else _MEASURED[outcome.result]
        text = f"[{self._done}/{self._total}] {check.name}: {word} ({duration(seconds)})"
        self._print(text, "red" if outcome.result == "broken" else "")

    def _print(self, text: str, style: str) -> None:
        click.echo(text, err=True)


class _Spinner(_Lines):
    """The same, and beneath it what goes on now."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self._console = Console(file=sys.stderr)
        self._status = self._console.status("starting")
        self._status.start()
        self._name = ""

    def began(self, check: Check) -> None:
        self._name = check.name
        self._status.update(Text(check.name))

    def say(self, sentence: str) -> None:
        self._status.update(Text(f"{self._name}: {plain(sentence)}", overflow="ellipsis"))

    def close(self) -> None:
        self._status.stop()

    def _print(self, text: str, style: str) -> None:
        self._console.print(Text(text, style=style), soft_wrap=True)


def _follower(total: int) -> _Lines:
    """What fits standard error."""
    return _Spinner(total) if on_terminal() else _Lines(total)
