"""Name a process of this machine so that others can tell later whether it still lives."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

_BOOT_ID, _NAMESPACE = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
_TICKS = os.sysconf("SC_CLK_TCK")


@functools.lru_cache(maxsize=1)
def place(pid: int) -> dict[str, Any]:
    """Where this process runs; ``boot`` is empty where no process can be identified for certain.

    :param pid: this process's; another one after a fork.
    """
    boot, namespace = "", ""
    if sys.platform != "linux":
        boot = f"{psutil.boot_time():.0f}"
    with contextlib.suppress(OSError):
        boot_id = _BOOT_ID.read_text().strip()
        namespace = os.readlink(_NAMESPACE)
        boot = boot_id
    return {
        "host": socket.gethostname(),
        "boot": boot,
        "pidns": namespace,
        "pid": pid,
        "pid_started": started(pid),
    }


def started(pid: int) -> int | None:
    """When a process began, in clock ticks since the machine's start; None if it does not live."""
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return None
        boot = psutil.boot_time()  # first: some versions of psutil keep it for `create_time`
        seconds: float = process.create_time() - boot
        return round(seconds * _TICKS)
    except (psutil.Error, OSError, RuntimeError):  # it ends now, or it is hidden
        return None


def lives_here(document: Mapping[str, Any]) -> bool | None:
    """Whether the process that wrote its `place` lives; None on another machine, or if unclear."""
    here, pid = place(os.getpid()), process_id(document)
    same = all(document.get(name) == here[name] for name in ("host", "boot", "pidns"))
    if not same or not here["boot"] or pid is None or document.get("pid_started") is None:
        return None
    began = started(pid)
    if began is None and is_hidden(pid):
        return None
    return bool(began == document["pid_started"])


def process_id(document: Mapping[str, Any]) -> int | None:
    """The process number in a document; None if it is odd or missing."""
    pid = document.get("pid")
    return pid if type(pid) is int and 0 < pid < 2**31 else None


def is_hidden(pid: int) -> bool:
    """Whether a process exists that this user may not look at."""
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError) as error:
        return isinstance(error, PermissionError)
    return False
