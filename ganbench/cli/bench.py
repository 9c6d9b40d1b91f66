"""``ganbench bench``: how fast components are, and whether they became slower."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from ganbench.base.devices import choose_device
from ganbench.base.text import plain
from ganbench.cli.bench_text import lines
from ganbench.cli.click_options import with_run_options
from ganbench.cli.list import KindName
from ganbench.cli.text import as_json, data_dir, echo_json, examples
from ganbench.execution.bench.document import document
from ganbench.execution.bench.plan import Plan
from ganbench.execution.bench.session import hold
from ganbench.execution.bench.targets import targets_of
from ganbench.execution.progress.live_display import on_terminal
from ganbench.registry import default_registry


@click.command(
    epilog=examples(
        "ganbench bench hinge                              how fast it is",
        "ganbench bench my-loss --against main             against a branch, tag or commit",
        "ganbench bench --plugin my_loss.py --against old/my_loss.py",
        "ganbench bench my-loss --against my_loss-0.1-py3-none-any.whl",
        "ganbench bench benchmarks/bench_my_loss.py --against v0.1",
    ),
)
@click.argument("names", metavar="[SPEC]…", nargs=-1)
@click.option("--against", metavar="REF", help="The baseline: a git ref, folder, environment, wheel or "
              "plugin file.")  # fmt: skip
@click.option("--kind", type=KindName(), help="Only components of this kind.")
@click.option("--workload", "workloads", metavar="NAME", multiple=True,
              help="Only this workload, such as training; repeatable.")  # fmt: skip
@click.option("--margin", type=click.FloatRange(0, 1, max_open=True), default=Plan.margin,
              show_default=True, help="A smaller change is not called one, as a share.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(4), default=Plan.rounds, show_default=True,
              help="Measurements of each process.")  # fmt: skip
@click.option("--launches", type=click.IntRange(2), default=Plan.launches, show_default=True,
              help="Processes of each version.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1), default=Plan.threads, show_default=True,
              help="Threads of torch.")  # fmt: skip
@with_run_options("device")
@data_dir
@as_json
def bench(
    names: tuple[str, ...],
    against: str | None,
    kind: str | None,
    device: str | None,
    data_dir: str | None,
    as_json: bool,
    **given: Any,
) -> int:
    """Time components, and test whether they became slower.

    SPEC names a component, or a file with suites of `ganbench.testing`, such as bench_my_loss.py.
    Without SPEC, the command takes the components of --plugin files and of the plugins in the current
    folder. With --against, two processes take turns: one has the code as it stands, the other the
    baseline. A rank test on the pairs of measurements gives the verdict. Exit code: 0 nothing became
    slower, 1 something did or cannot be timed, 2 wrong use, 130 interrupted.
    """
    if device is not None:
        choose_device(device)
    plan = Plan(device=device, data_dir=data_dir, **given)
    targets = targets_of(names, kind, default_registry(), plan)
    with _progress() as say:
        found = hold(targets, against, plan, say)
    content = document(found, against, plan)
    if as_json:
        echo_json(content)
    else:
        click.echo("\n".join(lines(content)))
    return 1 if content["slower"] or content["problems"] else 0


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Shows on a terminal what goes on."""
    if not on_terminal():
        yield lambda sentence: None
        return
    with Console(file=sys.stderr).status("") as status:
        yield lambda sentence: status.update(Text(plain(sentence), overflow="ellipsis"))
