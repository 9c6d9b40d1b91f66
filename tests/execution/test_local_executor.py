"""Worker processes: reused, replaced, and ended with all that they started."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from pathlib import Path

import pytest

from ganbench.base.errors import UsageError
from ganbench.execution.run_options import RunOptions
from ganbench.execution.supervise import local_executor as local
from ganbench.execution.supervise.local_executor import LocalExecutor
from ganbench.execution.supervise.messages import Ending, Slot, TrialRequest, WorkerSetup
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand
from ganbench.store.run_folder import RunFolder

GRID = {
    "grid": {
        "architecture": ["mlp[d_widths=[16],g_widths=[16],latent_dim=4]"],
        "loss": ["hinge"],
        "dataset": ["digits"],
        "seeds": 3,
    },
    "budget": {"steps": 3},
    "evaluation": {"extractor": "pixels", "samples": 32, "ticks": 1},
}


class Bench:
    """An executor with one slot, and what it told."""

    def __init__(self, tmp_path, **options):
        self.folder = RunFolder(tmp_path / "run").create()
        self.trials = [t.id for t in expand(Grid.from_dict(GRID), Path()).trials()]
        cache = str(tmp_path / "cache")
        setup = WorkerSetup(GRID, str(tmp_path), cache, "cpu", 1, RunOptions(**options))
        self.events: deque = deque()
        slots = [Slot("one")]
        self.executor = LocalExecutor(setup, self.events.append, slots)

    def submit(self, number):
        self.executor.submit(
            self.executor.free()[0], TrialRequest(self.trials[number], str(self.folder.path))
        )

    def wait_for(self, what):
        """The first event of this kind; those before it are gone."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            while self.events:
                event = self.events.popleft()
                if event["event"] == what:
                    return event
            self.executor.poll(0.2)
        raise AssertionError(f"no {what}")

    def wait_until_free(self):
        end = time.monotonic() + 60
        while not self.executor.free():
            assert time.monotonic() < end
            self.executor.poll(0.1)

    @property
    def worker(self):
        return next(iter(self.executor._slots.values())).worker


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.executor.close()


def test_a_worker_is_reused_and_ends_in_peace(bench):
    bench.executor.prepare(bench.executor.free()[0], "group", bench.trials[0])
    prepared = {"event": "prepared", "group": "group", "problem": None, "clean": True}
    assert bench.wait_for("prepared") == prepared
    pids = []
    for number in (0, 1):
        bench.submit(number)
        assert bench.wait_for("started")["trial"] == bench.trials[number]
        assert bench.wait_for("ended")["status"] == "ok"
        pids.append(bench.worker.pid)
        bench.wait_until_free()
    assert pids[0] == pids[1]
    worker = bench.worker
    bench.executor.close()
    assert worker.exit_code() == 0
    assert [row["status"] for row in bench.folder.rows()] == ["ok", "ok"]


def test_a_worker_that_an_error_has_spoiled_while_it_loaded_data_is_replaced(bench):
    """Before it gets a trial: the trial must not be sent to a process that is about to end."""
    bench.executor.prepare(bench.executor.free()[0], "group", bench.trials[0])
    bench.wait_for("prepared")
    (place,) = bench.executor._slots.values()
    first = bench.worker
    bench.executor._handle(
        place, {"event": "prepared", "group": "group", "problem": None, "clean": False}
    )
    assert first.exit_code() is not None
    bench.submit(0)
    assert bench.wait_for("ended")["status"] == "ok"
    assert bench.worker.pid != first.pid


def test_isolation_gives_every_trial_a_process_of_its_own(tmp_path):
    bench = Bench(tmp_path, isolate=True)
    try:
        pids = set()
        for number in (0, 1):
            bench.submit(number)
            bench.wait_for("started")
            pids.add(bench.worker.pid)
            assert bench.wait_for("ended")["status"] == "ok"
            bench.wait_until_free()
        assert len(pids) == 2
    finally:
        bench.executor.close()


def test_a_killed_worker_is_replaced_and_its_trial_is_lost_with_a_reason(bench):
    bench.submit(0)
    bench.wait_for("started")
    os.kill(bench.worker.pid, 11)
    lost = bench.wait_for("lost")
    assert (lost["trial"], lost["status"], lost["outside"]) == (bench.trials[0], "crashed", False)
    assert "SIGSEGV" in lost["error"]
    bench.submit(1)
    bench.wait_for("started")
    bench.executor.kill(bench.trials[1], Ending("timeout", "took longer than 1s"))
    assert bench.wait_for("lost")["status"] == "timeout"
    log = bench.folder.trial(bench.trials[1]).log_txt.read_text()
    assert "most recent call first" in log  # where it was when it was ended
    bench.submit(2)
    assert bench.wait_for("ended")["status"] == "ok"


def test_workers_that_cannot_start_are_not_the_trials_fault(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("raise ImportError('libcuda is broken')")
    monkeypatch.syspath_prepend(tmp_path)
    bench = Bench(tmp_path)
    try:
        bench.submit(0)
        bench.wait_for("lost")
        bench.submit(0)
        with pytest.raises(UsageError, match="do not start: ImportError: libcuda is broken"):
            bench.wait_for("lost")
    finally:
        bench.executor.close()


def test_workers_that_hang_before_they_begin_are_ended(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("import time; time.sleep(600)")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(local, "_START", 2.0)
    bench = Bench(tmp_path)
    try:
        bench.submit(0)
        assert bench.wait_for("lost")["error"] == "its worker did not start within 2s"
    finally:
        bench.executor.close()


def test_events_are_plain_json(bench):
    bench.submit(0)
    tick = bench.wait_for("tick")
    assert json.loads(json.dumps(tick))["record"]["tick"] == 0
    bench.wait_for("ended")
