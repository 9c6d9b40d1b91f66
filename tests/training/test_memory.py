"""Peak memory of training and of evaluation."""

from __future__ import annotations

import pytest
import torch

from ganbench.training import memory
from ganbench.training.memory import PeakMemory, peak_megabytes, reset_peak

CPU = torch.device("cpu")


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch):
    """A device whose peak the test sets."""
    state = {"peak": 0.0}
    monkeypatch.setattr(memory, "peak_megabytes", lambda device: state["peak"])
    monkeypatch.setattr(memory, "reset_peak", lambda device: state.update(peak=10.0))
    return state


def test_each_phase_has_its_own_peak(meter):
    peaks = PeakMemory(CPU)
    assert (peaks.training, peaks.evaluation) == (10, None)
    meter["peak"] = 100.0
    with peaks.evaluating():
        meter["peak"] = 300.0
    meter["peak"] = 50.0
    with peaks.evaluating():
        meter["peak"] = 200.0
    assert (peaks.training, peaks.evaluation) == (100, 300)
    meter["peak"] = 150.0
    assert (peaks.training, peaks.evaluation) == (150, 300)


def test_an_evaluation_that_fails_is_counted(meter):
    peaks = PeakMemory(CPU)

    def fail():
        with peaks.evaluating():
            meter["peak"] = 900.0
            raise MemoryError

    with pytest.raises(MemoryError):
        fail()
    assert (peaks.training, peaks.evaluation) == (10, 900)


def test_a_peak_of_this_process_is_seen_and_forgotten():
    reset_peak(CPU)
    before = peak_megabytes(CPU)
    # Much more than the kernel may leave uncounted: it counts huge pages in lots.
    large = torch.ones(512 * 2**20, dtype=torch.uint8)
    assert peak_megabytes(CPU) > before + 300
    del large
    reset_peak(CPU)
    assert peak_megabytes(CPU) < before + 200
