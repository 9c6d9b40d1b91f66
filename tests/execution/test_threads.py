"""The CPU threads of trials: planned, recorded, kept by trials that go on."""

from __future__ import annotations

import pytest
import torch

import ganbench as gb
from ganbench.execution import machine_use
from ganbench.execution.machine_use import use_of_machine, workload
from ganbench.execution.placement import WORKER_BYTES, Placement
from ganbench.execution.run import configure
from ganbench.execution.run_options import RunOptions
from ganbench.execution.supervise.messages import Slot
from ganbench.execution.threads import recorded_threads
from ganbench.grid.plan import expand
from ganbench.store.run_folder import RunFolder
from ganbench.training import threads as threads_of
from ganbench.training.threads import suitable_threads

GRID = {
    "grid": {"architecture": ["mlp[d_widths=[8],g_widths=[8],latent_dim=4]"], "loss": ["hinge"],
             "dataset": ["digits"]},
    "budget": {"steps": 4},
    "evaluation": {"ticks": 1, "samples": 16, "extractor": "pixels"},
}  # fmt: skip


@pytest.fixture
def cell(tmp_path):
    (trial,) = expand(configure(GRID), tmp_path).trials()
    return trial.cell


def test_small_networks_have_one_thread_and_larger_ones_more(cell, monkeypatch):
    assert suitable_threads(cell, 8) == 1
    monkeypatch.setattr(threads_of, "FLOPS", 1e4)
    found = suitable_threads(cell, 8)
    assert found == min(8, suitable_threads(cell, 99)) > 1
    assert suitable_threads(cell, 1) == 1


@pytest.fixture
def as_before():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("as_before")
def test_a_trial_that_goes_on_keeps_its_threads(tmp_path):
    run = tmp_path / "run"
    (began,) = gb.run(GRID, run, executor="inline", threads=2).results["threads"]
    (place,) = RunFolder(run).trials()
    assert (began, recorded_threads(place)) == (2, 2)
    place.row_json.unlink()
    torch.set_num_threads(1)
    (then,) = gb.run(GRID, run, executor="inline").results["threads"]
    assert then == 2
    place.trial_json.unlink()  # as of an earlier version, which did not record them there
    assert recorded_threads(place) == 2
    (asked,) = gb.run(GRID, run, executor="inline", threads=1, rerun=["hinge"]).results["threads"]
    assert asked == 1


def test_the_record_of_a_finished_trial_keeps_where_it_ran(tmp_path):
    gb.run(GRID, tmp_path / "run", executor="inline", threads=1)
    (place,) = RunFolder(tmp_path / "run").trials()
    before = place.read_identity()
    assert before["place"] == {"threads": 1, "device": "cpu (1 thread)"}
    assert gb.run(GRID, tmp_path / "run", executor="inline").trained == 0
    assert place.read_identity() == before


def test_the_workload_counts_all_trials_and_the_largest_batch(tmp_path):
    trials = list(expand(configure(GRID, seeds=3), tmp_path).trials())
    work = workload(trials, trials[:1])
    assert (work.planned, work.left) == (3, 1)
    assert work.trial_bytes > WORKER_BYTES


@pytest.mark.parametrize(
    ("options", "threads", "slots", "left", "said"),
    [
        ({}, 1, 4, 9, "uses 4 of 4 cores: 4 trials at a time, each with 1 thread; trials side by side "
                      "give no throughput: -j 1 measures it"),
        ({}, 4, 1, 1, "uses up to 4 of 4 cores: 1 trial at a time, each with up to 4 threads"),
        ({}, 1, 1, 1, "3 cores stay idle: the threads follow from the whole grid; --threads 4 uses"),
        ({"jobs": 1}, 1, 1, 9, "3 cores stay idle: -j 1 asks for that; -j auto uses them"),
        ({"threads": 3}, 3, 1, 1, "uses 3 of 4 cores: 1 trial at a time, each with 3 threads; 1 core "
                                  "stays idle: --threads 3 asks for that"),
        ({}, 1, 3, 3, "1 core stays idle: there are too few trials for them; more --seeds"),
    ],
)  # fmt: skip
def test_a_run_says_what_it_uses_and_what_changes_that(
    options, threads, slots, left, said, monkeypatch
):
    for name in ("cores", "physical_cores"):
        monkeypatch.setattr(machine_use, name, lambda: 4)
    monkeypatch.setattr(machine_use, "allowed_threads", lambda: None)
    placement = Placement("cpu", threads, [Slot(str(n)) for n in range(slots)])
    assert said in use_of_machine(placement, RunOptions(executor="local", **options), left)


def test_memory_that_is_short_is_named():
    placement = Placement("cpu", 1, [Slot("0")], short=1)
    said = use_of_machine(placement, RunOptions(executor="local"), 5)
    if machine_use.physical_cores() > 1:
        assert "the free memory has room for 1 trial" in said
