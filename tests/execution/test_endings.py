"""What ended a trial gets its right name."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import torch

from ganbench.base.errors import UsageError
from ganbench.execution.supervise import endings
from ganbench.execution.supervise.endings import of_exception, of_process, spoils_process


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


LAUNCH = "when calling `cublasCreate(handle)`"


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
        "CUDA error: CUDA_ERROR_OUT_OF_MEMORY: out of memory",
        "CUDA driver error: out of memory",
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB",
        "CUDA error (1): cudaErrorMemoryAllocation",
        f"CUDA error: CUBLAS_STATUS_ALLOC_FAILED {LAUNCH}",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN Frontend error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`",
        "CUDA error: CUSPARSE_STATUS_ALLOC_FAILED",
        "cuFFT error: CUFFT_ALLOC_FAILED",
        "CURAND_STATUS_ALLOCATION_FAILED",
        "HIP out of memory. Tried to allocate 2.00 GiB",
        "HIP error: out of memory",
        "HIP error: hipErrorOutOfMemory",
        "CUDA error: HIPBLAS_STATUS_ALLOC_FAILED",
        "rocblas_status_memory_error",
        "miopenStatusAllocFailed",
        "MPS backend out of memory (MPS allocated: 5.00 GB)",
        "NCCL error: ncclUnhandledCudaError: Call to CUDA function failed.\nLast error:\n"
        "Cuda failure 2 'out of memory'",
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 40 bytes. Error code 12 (Cannot allocate memory)",
        "Triton Error [CUDA]: out of memory",
        "CUDA error: out of memory (cudaHostAlloc)",
        "CUFFT_ALLOC_FAILED",
        "NCCL WARN Cuda failure 2 'out of memory'",
        "std::bad_alloc",
        "unable to mmap 64 bytes from file <x>: Cannot allocate memory (12)",
    ],
)
def test_every_library_s_word_for_it_is_out_of_memory(words):
    """Also where a component raises an error of its own from it, or while it handles it."""
    error = RuntimeError(words)
    status, sentence = of_exception(error, endings.oom_kills())
    assert (status, "\n" in sentence) == ("oom", False)
    for suppressed in (False, True):
        wrapped = ValueError("my step failed")
        wrapped.__context__, wrapped.__suppress_context__ = error, suppressed
        expected = "error" if suppressed else "oom"
        assert of_exception(wrapped, endings.oom_kills()) == (
            expected,
            "ValueError: my step failed",
        )
    wrapped.__cause__ = error
    assert of_exception(wrapped, endings.oom_kills())[0] == "oom"
    both = ExceptionGroup("two", [ValueError("other"), error])
    assert of_exception(both, endings.oom_kills())[0] == "oom"


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError(
            "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"
        ),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        RuntimeError("the memory of historical averaging ran out of range"),
        RuntimeError("my CUDA kernel is too slow. The shop is out of memory cards"),
        ValueError("CUDA error: out of memory"),
        OSError(28, "No space left on device"),
    ],
)
def test_other_errors_are_not(error):
    assert of_exception(error, endings.oom_kills())[0] == "error"


def test_the_host_s_memory():
    assert of_exception(OSError(12, "Cannot allocate memory"), 0)[0] == "oom"
    loop = MemoryError()
    loop.__context__ = ValueError()
    loop.__context__.__context__ = loop
    assert of_exception(loop.__context__, 0)[0] == "oom"


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


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be …",
        "CUDA error: device-side assert triggered",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "CUDA error: operation failed due to a previous error during capture",
        "CUDA driver error: unknown error",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
        "cuDNN Frontend error: CUDNN_STATUS_BAD_PARAM",
        "NCCL error in: NCCLUtils.cpp:133, unhandled cuda error, NCCL version 2.27.5",
        "Triton Error [CUDA]: an illegal memory access was encountered",
        "HIP error: invalid device function",
        "CUDA out of memory. Tried to allocate 2.00 GiB.",
    ],
)
def test_a_process_is_not_used_again_after_an_error_of_a_device(words):
    assert spoils_process(RuntimeError(words))
    wrapped = ValueError("my step failed")
    wrapped.__cause__ = RuntimeError(words)
    assert spoils_process(wrapped)


def test_a_process_is_used_again_after_an_error_of_a_component():
    for error in (
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        RuntimeError(
            "Expected all tensors to be on the same device, cuda:0 and cpu. This is an error"
        ),
        ValueError("CUDA error: my own words"),
        SystemExit(3),
    ):
        assert not spoils_process(error)


def test_the_class_of_newer_versions_for_errors_of_a_device():
    error = getattr(torch, "AcceleratorError", RuntimeError)("CUDA error: out of memory")
    assert of_exception(error, endings.oom_kills())[0] == "oom"
    assert spoils_process(error)


def test_memory_that_runs_out_in_the_capture_of_a_graph_is_out_of_memory():
    """The error of the capture's end hides the first one, which led to it."""
    ended = RuntimeError("CUDA error: operation failed due to a previous error during capture")
    ended.__context__ = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    assert of_exception(ended, endings.oom_kills())[0] == "oom"
