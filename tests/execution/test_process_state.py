"""What a trial does to its process does not reach the next one."""

from __future__ import annotations

import os
import signal
import sys
import warnings

import torch

from ganbench.base.process_state import ProcessState


def test_everything_is_put_back(tmp_path):
    folder, streams = os.getcwd(), (sys.stdout, sys.stderr)
    filters, path = list(warnings.filters), list(sys.path)
    state = ProcessState.take()
    threads = torch.get_num_threads()

    os.chdir(tmp_path)
    os.environ["GANBENCH_SPOILED"] = "1"
    os.environ.pop("PATH")
    sys.path.insert(0, "/nowhere")
    sys.stdout = sys.stderr = None
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.alarm(60)
    torch.set_num_threads(threads + 3)
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.set_default_device("meta")
    state.restore()

    assert os.getcwd() == folder
    assert "GANBENCH_SPOILED" not in os.environ
    assert "PATH" in os.environ
    assert sys.path == path
    assert (sys.stdout, sys.stderr) == streams
    assert warnings.filters == filters
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN
    assert signal.SIGHUP not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.alarm(0) == 0
    assert torch.get_num_threads() == threads
    assert torch.zeros(1).dtype == torch.float32
    assert torch.zeros(1).device.type == "cpu"
    assert torch.is_grad_enabled()


def test_closed_streams_are_opened_again(tmp_path, monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, (tmp_path / name).open("w"))
    state = ProcessState.take()
    sys.stdout.close()
    sys.stderr.close()
    state.restore()
    print("", end="", flush=True)
    assert (sys.stdout.fileno(), sys.stderr.fileno()) == (1, 2)
