"""How a grid is run: everything about a run that changes no result."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ganbench.errors import UsageError, did_you_mean
from ganbench.grid.budget import parse_budget
from ganbench.registry.lookup import default_registry

if TYPE_CHECKING:
    from ganbench.components.callback import Callback

EXECUTORS = ("local", "ray", "inline")
MAX_JOBS = 1024
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt])i?b?\s*\Z", re.IGNORECASE | re.ASCII)
_POWERS = {"k": 10, "m": 20, "g": 30, "t": 40}


@dataclass(frozen=True)
class RunOptions:
    """How trials are run.

    :ivar device: ``cpu``, ``cuda`` or ``cuda:0``; the GPU if there is one by default.
    :ivar jobs: trials at a time, or ``auto``: one for each core, or each GPU's share.
    :ivar threads: CPU threads of a trial; on the CPU 1 by default, so that results are bit-equal
        however many trials run at a time.
    :ivar executor: ``local`` (worker processes), ``ray``, or ``inline`` (in this process); by default
        ``local``, unless there are components that exist in this process only.
    :ivar timeout: seconds that an attempt at a trial may take, or None.
    :ivar retries: further attempts at a trial that failed.
    :ivar fail_fast: whether the first failure ends the run.
    :ivar isolate: a fresh process for each trial.
    :ivar retry_failed: train failed trials of earlier runs again.
    :ivar rerun: specs of components whose trials are trained anew.
    :ivar keep_results: whether results of components whose files were edited since count as they are.
    :ivar memory_limit: bytes that a worker may allocate on the CPU, or None.
    :ivar gpus_per_trial: share of a GPU for each trial.
    :ivar ray_address: of a Ray cluster; a local one is started by default.
    :ivar store: URL through which Ray nodes without the run folder hand over files.
    :ivar callbacks: specs, which follow trials in their worker, or objects, which do so here.
    """

    device: str | None = None
    jobs: int | str = 1
    threads: int | None = None
    executor: str | None = None
    timeout: float | None = None
    retries: int = 0
    fail_fast: bool = False
    isolate: bool = False
    retry_failed: bool = False
    rerun: Sequence[str] = ()
    keep_results: bool = False
    memory_limit: int | None = None
    gpus_per_trial: float | None = None
    ray_address: str | None = None
    store: str | None = None
    callbacks: Sequence[str | Callback] = ()

    def __post_init__(self) -> None:
        here = default_registry().in_process
        if self.executor is None:
            object.__setattr__(self, "executor", "inline" if here else "local")
        if self.executor != "inline" and here:
            raise UsageError(
                f"executor {self.executor}: some components exist in this process only, which no "
                "other one would find; use executor inline"
            )
        self._check()

    def _check(self) -> None:
        if self.executor not in EXECUTORS:
            assert self.executor is not None
            hint = did_you_mean(self.executor, EXECUTORS)
            raise UsageError(f"unknown executor {self.executor!r}{hint}")
        if self.jobs != "auto" and not (_whole(self.jobs) and 1 <= int(self.jobs) <= MAX_JOBS):
            raise UsageError(f"jobs = {self.jobs!r}: expected 1 to {MAX_JOBS}, or auto")
        if self.threads is not None and not (_whole(self.threads) and self.threads >= 1):
            raise UsageError(f"threads = {self.threads!r}: expected a whole number from 1 on")
        if not (_whole(self.retries) and self.retries >= 0):
            raise UsageError(f"retries = {self.retries!r}: expected a whole number from 0 on")
        if self.gpus_per_trial is not None and not 0 < self.gpus_per_trial <= 1:
            raise UsageError(f"gpus per trial = {self.gpus_per_trial}: expected a share up to 1")
        if self.executor != "ray":
            for name, value in (("ray address", self.ray_address), ("store", self.store)):
                if value is not None:
                    raise UsageError(f"{name} {value}: only the executor ray takes it")
        if self.executor == "inline":
            self._check_inline()

    def _check_inline(self) -> None:
        needs = {
            f"jobs = {self.jobs}": self.jobs not in (1, "auto"),
            "a timeout": self.timeout is not None,
            "isolate": self.isolate,
            "a memory limit": self.memory_limit is not None,
        }
        for what, wanted in needs.items():
            if wanted:
                raise UsageError(f"{what} needs worker processes, which executor inline has not")


def parse_jobs(text: str) -> int | str:
    """``4`` or ``auto``; raises UsageError."""
    if text == "auto":
        return text
    if not re.fullmatch(r"[0-9]{1,6}", text, re.ASCII):
        raise UsageError(f"--jobs {text}: expected a number of trials at a time, or auto")
    return int(text)


def parse_seconds(text: str | float | None, what: str = "timeout") -> float | None:
    """``90s``, ``10m``, ``1.5h`` or a number of seconds; raises UsageError."""
    if text is None:
        return None
    problem = f"bad {what} {text!r}: write it as 90s, 10m or 1.5h"
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        if text > 0:
            return float(text)
        raise UsageError(problem)
    try:
        parsed = parse_budget(str(text))
    except UsageError:
        raise UsageError(problem) from None
    if parsed.unit != "seconds":
        raise UsageError(problem)
    return parsed.amount


def duration(seconds: float) -> str:
    """``10m`` or ``90s``: a time as it is given on the command line."""
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def parse_size(text: str | int | None, what: str = "memory limit") -> int | None:
    """``4GB``, ``512MiB`` or a number of bytes; raises UsageError. Units are powers of 1024."""
    if text is None:
        return None
    if _whole(text) and int(text) > 0:
        return int(text)
    match = _SIZE.match(str(text))
    if match is None or float(match[1]) <= 0:
        raise UsageError(f"bad {what} {text!r}: write it as 4GB or 512MB")
    return int(float(match[1]) * 2 ** _POWERS[match[2].lower()])


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
