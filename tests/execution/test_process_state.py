"""What a trial does to its process does not reach the next one."""

from __future__ import annotations

import os
import signal
import sys
import warnings

import torch

from ganbench.base.backends import Switches
from ganbench.base.determinism import set_variables
from ganbench.base.process_state import ProcessState, guarded_torch
from ganbench.evaluation import evaluate as evaluation
from ganbench.execution.supervise.process_care import ProcessCare


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


def spoil_switches():
    torch.backends.cudnn.enabled = torch.backends.cudnn.deterministic = False
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("medium")
    torch.use_deterministic_algorithms(False)
    torch.set_default_dtype(torch.float64)


def test_every_trial_begins_with_the_same_switches_and_the_process_gets_its_own_back():
    set_variables()
    torch.set_float32_matmul_precision("high")
    own = Switches.take()
    process = ProcessCare(torch.device("cpu"), None)
    try:
        usual = Switches.take()
        assert usual.values["cudnn deterministic"]
        assert usual.values["algorithms"] == (True, True)
        assert torch.get_float32_matmul_precision() == "highest"
        for clean_up in (process.clean_up, process.clean_up_torch):
            spoil_switches()
            clean_up()
            assert Switches.take() == usual
            assert torch.get_default_dtype() == torch.float32
        spoil_switches()
    finally:
        process.close()
    assert Switches.take() == own
    torch.set_float32_matmul_precision("highest")


def test_an_evaluation_and_a_metric_compute_in_float32_proper(monkeypatch):
    def run(call, *sides):
        return torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled()

    monkeypatch.setattr(evaluation._Call, "run", run)
    torch.set_float32_matmul_precision("high")
    try:
        assert evaluation.evaluate(fake="here", real="there") == ("highest", True)
        assert torch.get_float32_matmul_precision() == "high"
        with guarded_torch():
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
