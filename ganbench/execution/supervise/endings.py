"""Why a trial ended: an exception, or the death of its process."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path

from ganbench.base.errors import ContractError, ReplicaLostError, UsageError, one_line
from ganbench.execution.supervise.messages import Ending

LOST_CONNECTION = "its process closed its own connection to the supervisor"
#: The exit code of a process that waits in vain for another replica of its trial.
LOST_REPLICA = os.EX_TEMPFAIL
_VMSTAT = Path("/proc/vmstat")
#: Sent by a person, a batch system or the kernel's OOM killer, never by mistake.
_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT}
#: Messages of libraries that could not allocate memory, few of which have an error class for it:
#: statuses of CUDA, HIP and their libraries, and sentences of PyTorch and NCCL.
_OUT_OF_MEMORY = re.compile(
    r"\b(?:CUDA|HIP|XPU|MPS)\b[^.]*\bout of memory|"
    r"\b(?:cuda|hip)ErrorMemoryAllocation\b|\b(?:cuda|hip)ErrorOutOfMemory\b|"
    r"\b(?:CUDA|HIP)_ERROR_OUT_OF_MEMORY\b|"
    r"\b(?:CU|HIP|ROC|MI)\w*ALLOC(?:ATION)?_FAILED\b|"
    r"\b(?:roc|hip|mi)[a-z]+_?\w*(?:memory_error|alloc_?failed)\b|"
    r"\bDefaultCPUAllocator\b|\balloc_cpu\b|\bstd::bad_alloc\b|\bCannot allocate memory\b",
    re.IGNORECASE,
)
#: Errors that a device or its libraries report. CUDA answers every later call with the same error.
_OF_A_DEVICE = re.compile(
    r"\b(?:CUDA|HIP|cuDNN|MIOpen|NCCL|Triton)\b[^.]{0,40}?\berror\b|"
    r"\b(?:CUBLAS|CUSPARSE|CUSOLVER|CUDNN|HIPBLAS)_STATUS_|\b(?:cuda|hip)Error[A-Z]",
    re.IGNORECASE,
)
#: The last words of a program whose C++ parts could not allocate.
_NO_MEMORY = (b"bad_alloc", b"DefaultCPUAllocator", b"MemoryError", b"Cannot allocate memory")


def oom_kills() -> int:
    """How many processes the kernel has ended because memory ran out; 0 if unknown."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = _VMSTAT.read_text().splitlines()
        return int(next(line for line in lines if line.startswith("oom_kill ")).split()[1])
    return 0


def of_exception(error: BaseException, kills_before: int) -> tuple[str, str]:
    """Status and sentence of a trial's exception.

    :param kills_before: `oom_kills` when the trial began.
    """
    if isinstance(error, ReplicaLostError):
        return error.status, str(error)
    own = isinstance(error, (UsageError, ContractError))
    text = str(error) if own else one_line(error)
    if is_out_of_memory(error):
        return "oom", text
    # A data loader has no error class for a killed worker.
    if "killed by signal" in text and oom_kills() > kills_before:
        return "oom", text
    return "error", text


def spoils_process(error: BaseException) -> bool:
    """Whether a process may be unfit for another trial after an exception.

    After an error of a device, its context may answer nothing else; after one of memory, what is left
    may be in pieces.
    """
    return is_out_of_memory(error) or any(
        isinstance(one, RuntimeError) and bool(_OF_A_DEVICE.search(one_line(one)))
        for one in _chain(error)
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception, or one that led to it, says that memory could not be had."""
    return any(_says_out_of_memory(one) for one in _chain(error))


def _says_out_of_memory(error: BaseException) -> bool:
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and bool(_OUT_OF_MEMORY.search(one_line(error)))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception with its causes and contexts."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting.append(one.__cause__ or (None if one.__suppress_context__ else one.__context__))
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def of_process(code: int, last_words: bytes, kills_before: int) -> Ending:
    """How a process ended.

    :param code: as `subprocess.Popen.returncode`: negative for a signal.
    :param last_words: the end of its output.
    :param kills_before: `oom_kills` when it was given its work.
    """
    if code == os.EX_IOERR:
        return Ending("crashed", LOST_CONNECTION)
    if code == LOST_REPLICA:
        return Ending(
            "crashed", "another process that trained the trial with it was lost; see its log"
        )
    if code >= 0:
        return Ending("crashed", f"its process exited with code {code}")
    try:
        number = signal.Signals(-code)
        name = f"{number.name} (signal {-code})"
    except ValueError:
        return Ending("crashed", f"its process was ended by signal {-code}")
    if number == signal.SIGKILL and oom_kills() > kills_before:
        return Ending("oom", f"the system ran out of memory and ended its process by {name}")
    if number == signal.SIGABRT and any(words in last_words for words in _NO_MEMORY):
        return Ending("oom", f"it could not allocate memory, and its process was ended by {name}")
    outside = number in _FROM_OUTSIDE
    return Ending("crashed", f"its process was ended by {name}", outside)


def print_traceback() -> None:
    """Print the present exception to the trial's log, if components have left a stream."""
    with contextlib.suppress(Exception):
        traceback.print_exc()
