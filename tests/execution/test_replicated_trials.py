"""Trials that several processes train: their rows, the loss of a process, and their ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import supervised as s

import ganbench as gb
from ganbench.base.errors import ReplicaLostError, UsageError
from ganbench.execution.supervise import followers as followers_module
from ganbench.execution.supervise.endings import LOST_REPLICA, of_exception, of_process
from ganbench.execution.supervise.messages import TrialRequest, WorkerSetup
from ganbench.execution.supervise.worker_process import MARK
from ganbench.registry.lookup import default_registry

#: Batch norm, numbers of the replicas' own, and several checkpoints.
GRID = (
    *s.grid(["hinge"], architecture="dcgan[width=4]", steps=100),
    *("-A", "diffaugment", "--set", "training.flip=true", "--replicas", "2"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = s.Workplace(tmp_path_factory.mktemp("replicas"), GANBENCH_CHECKPOINT_SECONDS="0")
    yield place
    place.clear()


@pytest.fixture(scope="module")
def undisturbed(place):
    out = place.path / "undisturbed"
    done = place.run(out, *GRID)
    assert done.code == 0, done
    assert place.left_behind() == []
    return out


def followers(place) -> list[int]:
    """The processes of trials beside those that lead them."""
    found = []
    for pid in place.living():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"supervise.follower" in command:
            found.append(pid)
    return found


def reach_training(run, out) -> None:
    run.wait_for(lambda: [*out.glob("trials/*/checkpoint/*.json")], every=0.002)


@pytest.mark.slow
def test_a_lost_replica_ends_the_trial_and_it_resumes_with_all_of_them(
    place, undisturbed, tmp_path
):
    out = tmp_path / "run"
    run = place.start(out, *GRID, "--retries", "1")
    reach_training(run, out)
    (pid,) = followers(place)
    os.kill(pid, signal.SIGKILL)
    done = run.end()
    assert done.code == 0, done
    assert place.left_behind() == []
    (row,) = s.rows(out).reset_index().to_dict("records")
    assert (row["status"], row["replicas"], row["attempts"]) == ("ok", 2, 2)
    first = s.attempts(out, row["trial"])[1]
    assert first["status"] == "crashed"
    assert first["error"] == "replica 1 of 2: its process was ended by SIGKILL (signal 9)"
    s.assert_same_results(undisturbed, out)
    s.assert_settled(out)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "number", "code"),
    [
        ("run", signal.SIGINT, 130),
        ("run", signal.SIGKILL, -signal.SIGKILL),
        ("leader", signal.SIGKILL, 0),
    ],
)
def test_whatever_is_ended_no_replica_is_left(place, undisturbed, tmp_path, victim, number, code):
    out = tmp_path / "run"
    run = place.start(out, *GRID)
    reach_training(run, out)
    for pid in [run.pid] if victim == "run" else run.workers():
        os.kill(pid, number)
    done = run.end()
    assert done.code == code, done
    assert place.left_behind() == []
    assert place.run(out, *GRID).code == 0
    s.assert_same_results(undisturbed, out)


@pytest.mark.slow
def test_a_timeout_ends_all_replicas(place, tmp_path):
    grid = s.grid(["hinge"], architecture="dcgan[width=4]", steps=10_000_000)
    done = place.run(tmp_path / "run", *grid, "--replicas", "2", "--timeout", "8s")
    assert done.code == 1, done
    assert place.left_behind() == []
    assert s.rows(tmp_path / "run")["status"].tolist() == ["timeout"]


@pytest.mark.slow
def test_the_leader_may_be_the_process_of_the_run(place, undisturbed, tmp_path):
    out = tmp_path / "run"
    done = place.run(out, *GRID, "--executor", "inline", "--threads", "1")
    assert done.code == 0, done
    assert place.left_behind() == []
    s.assert_same_results(undisturbed, out)


@pytest.mark.slow
def test_a_replica_that_fails_names_its_error(place, tmp_path):
    """Memory runs out in one of them."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import os\n"
        "if os.environ.get('RANK') == '1':\n"
        "    import ganbench.training.trainer as trainer\n"
        "    def broken(*args, **kwargs): raise MemoryError('no room for a replica')\n"
        "    trainer.Trainer.__init__ = broken\n"
    )
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    done = place.run(tmp_path / "run", *GRID, environ={"PYTHONPATH": path})
    assert done.code == 1, done
    (row,) = s.rows(tmp_path / "run").to_dict("records")
    assert (row["status"], row["error"]) == (
        "oom",
        "replica 1 of 2: MemoryError: no room for a replica",
    )
    assert place.left_behind() == []


def test_a_worker_that_waits_for_a_lost_replica_on_its_gpu_ends(monkeypatch):
    exits = []

    def leave(code):
        exits.append(code)
        waiting._over.set()

    monkeypatch.setattr(followers_module, "_NOTICE", 0.0)
    monkeypatch.setattr(os, "_exit", leave)
    setup = WorkerSetup({}, "data", "cache", "cuda")
    waiting = followers_module.Followers(setup, TrialRequest("a", "run"), 2)
    waiting._processes = {1: subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])}
    waiting._processes[1].wait()
    monkeypatch.setenv(MARK, "a")
    waiting._end_if_stuck()
    assert exits == [LOST_REPLICA]
    assert of_process(LOST_REPLICA, b"", 0).status == "crashed"


def test_the_loss_of_a_replica_is_a_crash_unless_it_says_more():
    assert of_exception(ReplicaLostError("replica 1 is lost"), 0) == (
        "crashed",
        "replica 1 is lost",
    )
    assert of_exception(ReplicaLostError("no room", "oom"), 0) == ("oom", "no room")


def test_components_of_this_process_alone_cannot_have_replicas(tmp_path, monkeypatch):
    monkeypatch.setattr(default_registry(), "in_process", True)
    grid = {"grid": {"architecture": s.TINY, "loss": "hinge", "dataset": "digits"}}
    with pytest.raises(UsageError, match=r"use training\.replicas=1"):
        gb.run(grid, out=tmp_path / "run", training={"replicas": 2})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_replica_lost_during_an_evaluation_ends_the_trial(place, tmp_path):
    """Nothing is exchanged then; the trial finds out when it writes its checkpoint."""
    grid = s.grid(["hinge"], architecture="dcgan[width=4]", steps=4)
    out = tmp_path / "run"
    run = place.start(out, *grid, "--replicas", "2", "--set", "evaluation.samples=200000")
    run.wait_for(lambda: followers(place) and [*out.glob("trials/*/attempts.jsonl")])
    run.wait_for(lambda: "started" in run.read())
    os.kill(followers(place)[0], signal.SIGKILL)
    done = run.end()
    assert done.code == 1, done
    assert s.rows(out)["status"].tolist() == ["crashed"]
    assert place.left_behind() == []
