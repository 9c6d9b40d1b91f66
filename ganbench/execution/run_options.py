"""The options of a run: how trials are run, which changes no result.

Each field of `RunOptions` is an option of ``ganbench run``, an argument of `ganbench.run` and a row of
the table in docs/running.md, which ``python -m ganbench.execution.run_options`` writes. A new option
needs its field here and its use where it acts.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from ganbench.base.errors import UsageError
from ganbench.components.base import option
from ganbench.grid.budget import parse_budget
from ganbench.registry.lookup import default_registry
from ganbench.registry.options import create
from ganbench.registry.specs import parse_value

MAX_JOBS = 1024
PAGE = Path(__file__).parents[2] / "docs" / "running.md"
_BEGIN = "<!-- run options: `python -m ganbench.execution.run_options` writes this table -->\n"
_END = "<!-- end of the run options -->\n"
#: Executors that start a process for each worker.
_PROCESSES = ("local", "ray")
_Function = TypeVar("_Function", bound=Callable[..., Any])
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt])i?b?\s*\Z", re.IGNORECASE | re.ASCII)
_POWERS = {"k": 10, "m": 20, "g": 30, "t": 40}


def parse_seconds(value: str | float) -> float:
    """Read ``90s``, ``10m``, ``1.5h`` or a number of seconds; raises UsageError."""
    problem = f"bad time {value!r}: write it as 90s, 10m or 1.5h"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value > 0:
            return float(value)
        raise UsageError(problem)
    try:
        parsed = parse_budget(str(value))
    except UsageError:
        raise UsageError(problem) from None
    if parsed.unit != "seconds":
        raise UsageError(problem)
    return parsed.amount


def parse_size(value: str | int) -> int:
    """Read ``4GB``, ``512MiB`` or a number of bytes; raises UsageError. Units are powers of 1024."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _SIZE.match(str(value))
    if match is None or float(match[1]) <= 0:
        raise UsageError(f"bad memory limit {value!r}: write it as 4GB or 512MB")
    return int(float(match[1]) * 2 ** _POWERS[match[2].lower()])


def _option(
    default: Any,
    help: str,
    *,
    flags: tuple[str, ...] = (),
    metavar: str | None = None,
    parse: Callable[[Any], Any] | None = None,
    executors: tuple[str, ...] = (),
    **bounds: float,
) -> Any:
    """A field of `RunOptions`.

    :param help: one sentence, for the command line, Python and the documentation.
    :param flags: of the command line, beside or in place of the field's name.
    :param parse: reads what a person gives; raises UsageError.
    :param executors: those that know the option; all of them by default.
    """
    cli = {"flags": flags, "metavar": metavar, "parse": parse, "executors": executors}
    metadata = option(default, help, **bounds).metadata
    return dataclasses.field(default=default, metadata={**metadata, **cli})


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How trials are run; `of` makes checked ones."""

    jobs: int | Literal["auto"] = _option(
        "auto", "Trials at a time; `auto`, the default: one for each core, or for each GPU or share of "
        "one, as far as there are trials and memory.",
        flags=("-j", "--jobs"), metavar="JOBS", parse=lambda given: parse_value(str(given)),
        executors=_PROCESSES, ge=1, le=MAX_JOBS,
    )  # fmt: skip
    threads: int | None = _option(
        None, "CPU threads of a trial; by default one, and more where the whole grid has fewer trials "
        "than the machine has cores. Results are bit-equal for an equal number.", metavar="N", ge=1,
    )  # fmt: skip
    device: str | None = _option(
        None, "cpu, cuda or cuda:0; by default a GPU if there is one.", metavar="DEVICE", parse=str
    )
    executor: Literal["local", "ray", "inline"] | None = _option(
        None, "local (worker processes, the default), ray (a cluster), or inline (this process, "
        "where breakpoints work, without protection).", metavar="NAME",
    )  # fmt: skip
    timeout: float | None = _option(
        None, "End an attempt at a trial that takes longer, such as 90s or 10m, with all processes "
        "that it started.", metavar="TIME", parse=parse_seconds, executors=_PROCESSES,
    )  # fmt: skip
    total: float | None = _option(
        None, "Time of the whole run, such as 20m: the budget is cut so that all trials fit, and the "
        "run stops when it is over.", metavar="TIME", parse=parse_seconds,
    )  # fmt: skip
    retries: int = _option(
        0, "Further attempts at a trial that fails, each from its newest checkpoint.",
        metavar="N", ge=0,
    )  # fmt: skip
    retry_failed: bool = _option(False, "Continue trials that failed in earlier runs.")
    rerun: tuple[str, ...] = _option(
        (), "Train the trials with this component, or this trial, from the start; their files move to "
        "set-aside/.", metavar="SPEC",
    )  # fmt: skip
    keep_results: bool = _option(
        False, "Keep results of components whose files were edited, as after a change of comments."
    )
    extend: bool = _option(
        False, "Go on from finished trials of a smaller budget, where that gives the same as a fresh "
        "run.",
    )  # fmt: skip
    fail_fast: bool = _option(False, "Stop at the first trial that fails for good.")
    isolate: bool = _option(False, "Run every trial in a fresh process.", executors=_PROCESSES)
    memory_limit: int | None = _option(
        None, "Memory that a worker may allocate on the CPU, such as 4GB.",
        metavar="SIZE", parse=parse_size, executors=_PROCESSES,
    )  # fmt: skip
    gpus_per_trial: float | None = _option(
        None,
        "A trial's share of a GPU and of its memory, such as 0.25.",
        metavar="SHARE",
        gt=0,
        le=1,
    )
    ray_address: str | None = _option(
        None, "Address of a Ray cluster; by default a Ray starts on this machine.",
        metavar="ADDRESS", executors=("ray",),
    )  # fmt: skip
    store: str | None = _option(
        None, "Where Ray nodes that do not see the run folder put files, such as "
        "s3://bucket/ganbench.", metavar="URL", executors=("ray",),
    )  # fmt: skip
    callbacks: tuple[Any, ...] = _option(
        (), "A callback that follows the trials, such as tensorboard; in Python also objects, which "
        "follow them in this process.", flags=("-c", "--callback"), metavar="SPEC",
    )  # fmt: skip

    @classmethod
    def of(cls, where: str = "run", **given: Any) -> RunOptions:
        """Read and check options as a person gives them.

        :param where: what they were given to, for messages.
        :raises UsageError: names the option, the value and what is allowed.
        """
        known = run_options()
        values = {k: _read(known[k], v) if k in known else v for k, v in given.items()}
        options: RunOptions = create(cls, values, where)
        in_process = default_registry().in_process
        if options.executor is None:
            options = dataclasses.replace(options, executor="inline" if in_process else "local")
        if in_process and options.executor != "inline":
            raise UsageError(
                f"executor={options.executor}: other processes do not find components that were "
                "registered in this process; use executor=inline"
            )
        for field in known.values():
            _check_executor(field, options)
        return options

    def as_dict(self) -> dict[str, Any]:
        """Return JSON's types, for other processes; callbacks that are objects stay here."""
        return {
            **vars(self),
            "callbacks": [spec for spec in self.callbacks if isinstance(spec, str)],
        }


Option = dataclasses.Field[Any]


def run_options() -> dict[str, Option]:
    """Name -> field, in the order of the command line's help; see `_option` for its metadata."""
    return {field.name: field for field in dataclasses.fields(RunOptions)}


def flags(option: Option) -> tuple[str, ...]:
    return option.metadata["flags"] or (f"--{option.name.replace('_', '-')}",)


def repeatable(option: Option) -> bool:
    """Whether the option takes any number of values."""
    return isinstance(option.default, tuple)


def _read(option: Option, given: Any) -> Any:
    """The value that a person gives; one value of a repeatable option need not be in a list."""
    if repeatable(option):
        return (given,) if isinstance(given, str) else tuple(given)
    parse = option.metadata["parse"]
    return given if parse is None or given is None else parse(given)


def _check_executor(option: Option, options: RunOptions) -> None:
    """Raise UsageError for an option that the executor does not know."""
    value, executors = getattr(options, option.name), option.metadata["executors"]
    unset = (option.default, 1) if option.name == "jobs" else (option.default,)
    if executors and options.executor not in executors and value not in unset:
        raise UsageError(
            f"executor={options.executor} does not take {option.name}={value}; "
            f"use executor={' or '.join(executors)}"
        )


def _accepted(option: Option) -> str:
    """The type of what a person may give: text, too, where the option reads it."""
    kind = str(option.type)
    reads = repeatable(option) or (option.metadata["parse"] and not kind.startswith("str"))
    return f"str | {kind}" if reads else kind


def takes_run_options(function: _Function) -> _Function:
    """Give a function with ``**options`` the signature and the documentation of all run options."""
    signature, options = inspect.signature(function), run_options()
    own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    keyword = inspect.Parameter.KEYWORD_ONLY
    more = [
        inspect.Parameter(name, keyword, default=one.default, annotation=_accepted(one))
        for name, one in options.items()
    ]
    lines = "\n".join(f"    :param {name}: {one.metadata['help']}" for name, one in options.items())
    function.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
    function.__doc__ = (function.__doc__ or "").replace("    :param options: run options.", lines)
    return function


def table() -> str:
    """A Markdown table with a row for each option."""
    rows = []
    for one in run_options().values():
        shown = f"{', '.join(flags(one))} {one.metadata['metavar'] or ''}".rstrip()
        rows.append(f"| `{shown}` | {one.metadata['help']} |")
    return "\n".join(["| option | meaning |", "|---|---|", *rows]) + "\n"


def with_table(page: str) -> str:
    """The page with the present table."""
    head, _, rest = page.partition(_BEGIN)
    return head + _BEGIN + table() + _END + rest.partition(_END)[2]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
