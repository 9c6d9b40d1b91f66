"""What ended a trial gets its right name."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import torch

from ganbench.errors import UsageError
from ganbench.execution import endings
from ganbench.execution.endings import of_exception, of_process


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (RuntimeError("two\nlines"), "error", "RuntimeError: two lines"),
        (UsageError("a sentence"), "error", "a sentence"),
        (SystemExit(3), "error", "SystemExit: 3"),
        (MemoryError(), "oom", "MemoryError"),
        (torch.OutOfMemoryError("CUDA out of memory"), "oom", "OutOfMemoryError: CUDA out"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't"), "oom", "DefaultCPUAllocator"),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."), "error", "pid 7"),
    ],
)
def test_exceptions(error, status, sentence):
    found = of_exception(error, endings.oom_kills())
    assert found[0] == status
    assert sentence in found[1]


def test_a_loader_whose_worker_the_kernel_killed_ran_out_of_memory(monkeypatch):
    before = endings.oom_kills()
    monkeypatch.setattr(endings, "oom_kills", lambda: before + 1)
    error = RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")
    assert of_exception(error, before)[0] == "oom"


@pytest.mark.parametrize(
    ("code", "status", "outside", "sentence"),
    [
        ("import os; os._exit(3)", "crashed", False, "exited with code 3"),
        ("pass", "crashed", False, "exited with code 0"),
        ("import ctypes; ctypes.string_at(0)", "crashed", False, "SIGSEGV (signal 11)"),
        ("import os; os.abort()", "crashed", False, "SIGABRT (signal 6)"),
        ("import os; os.kill(os.getpid(), 9)", "crashed", True, "SIGKILL (signal 9)"),
        ("import os; os.kill(os.getpid(), 15)", "crashed", True, "SIGTERM (signal 15)"),
        ("import os; os.kill(os.getpid(), 40)", "crashed", False, "ended by signal 40"),
    ],
)
def test_processes(code, status, outside, sentence):
    kills = endings.oom_kills()
    process = subprocess.run([sys.executable, "-c", code], capture_output=True)
    ending = of_process(process.returncode, process.stderr, kills)
    assert (ending.status, ending.outside) == (status, outside)
    assert sentence in ending.error


def test_what_the_kernel_or_an_allocator_ended_ran_out_of_memory(monkeypatch):
    words = b"terminate called after throwing an instance of 'std::bad_alloc'"
    assert of_process(-signal.SIGABRT, words, endings.oom_kills()).status == "oom"
    before = endings.oom_kills()
    monkeypatch.setattr(endings, "oom_kills", lambda: before + 1)
    assert of_process(-signal.SIGKILL, b"", before).status == "oom"
