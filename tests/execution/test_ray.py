"""Trials on a Ray cluster: the same rows as anywhere, whatever becomes of its nodes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

import ganbench as gb
from ganbench.errors import UsageError

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'ganbench[ray]'")

TINY = "mlp[d_widths=[16],g_widths=[16],latent_dim=4]"
EVALUATION = {"ticks": 8, "samples": 64, "extractor": "pixels"}
#: Columns that tell time, memory, place or how often a trial was started.
TIMES = {"train_seconds", "eval_seconds", "wall_seconds", "images_per_second", "step_ms"}
TIMES |= {"peak_memory_mb", "started", "attempts", "exclusive"}
LONG = "6000steps"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    """No cache but the test's, and checkpoints often."""
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GANBENCH_CHECKPOINT_SECONDS", "0.5")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    (tmp_path / "cache").mkdir()


@pytest.fixture
def cluster():
    """A cluster whose head runs no trials; nodes are added by the tests."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    yield cluster
    cluster.shutdown()


def run(out, budget="20steps", seeds=2, **kwargs):
    axes = {"architecture": [TINY], "loss": ["hinge"], "dataset": ["digits"]}
    grid = {"grid": axes}
    kwargs.setdefault("executor", "ray")
    return gb.run(grid, out, seeds=seeds, budget=budget, evaluation=EVALUATION, **kwargs)


def test_a_ray_of_its_own_gives_the_rows_of_this_process(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with_ray = run(tmp_path / "ray", jobs="auto")
    assert with_ray.exit_code == 0, with_ray.results["error"].tolist()
    inline = run(tmp_path / "inline", executor="inline", threads=1)
    assert_equal_runs(tmp_path / "ray", tmp_path / "inline")
    assert len(inline.results) == 2
    assert not ray.is_initialized()
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_address_where_nobody_is_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="nobody answers there"):
        run(tmp_path / "r", ray_address="127.0.0.1:1")
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_what_a_killed_node_was_at_is_done_elsewhere_from_its_checkpoint(tmp_path, cluster):
    doomed, _ = (cluster.add_node(num_cpus=1) for _ in range(2))
    run_folder = tmp_path / "ray"

    def kill():
        wait_for(lambda: len(list(run_folder.glob("trials/*/checkpoint/*.json"))) >= 3)
        cluster.remove_node(doomed, allow_graceful=False)

    with in_background(kill):
        result = run(run_folder, LONG, jobs=2, ray_address=cluster.address)
    assert result.exit_code == 0, result.results["error"].tolist()
    assert sorted(result.results["attempts"]) == [1, 2]
    (_,) = [text for text in logs(run_folder) if "resumed after" in text]
    run(tmp_path / "local", LONG, jobs=2, executor="local")
    assert_equal_runs(run_folder, tmp_path / "local")


@pytest.mark.slow
@pytest.mark.parametrize("with_store", [False, True], ids=["object-store", "url"])
def test_nodes_without_the_run_folder_hand_over_what_they_make(tmp_path, cluster, with_store):
    run_folder, store = tmp_path / "ray", tmp_path / "store"
    run_folder.mkdir()
    nodes = [start_node_that_does_not_see(run_folder, cluster.address) for _ in range(2)]

    def kill():
        wait_for(lambda: len(list(run_folder.glob("trials/*/checkpoint/*.json"))) >= 3)
        end(nodes[0])

    try:
        url = f"file://{store}" if with_store else None
        with in_background(kill):
            result = run(run_folder, LONG, jobs=2, ray_address=cluster.address, store=url)
    finally:
        for node in nodes:
            end(node)
    assert result.exit_code == 0, result.results["error"].tolist()
    assert sorted(result.results["attempts"]) == [1, 2]
    assert any("resumed after" in text for text in logs(run_folder))
    run(tmp_path / "local", LONG, jobs=2, executor="local")
    assert_equal_runs(run_folder, tmp_path / "local")
    assert files(run_folder) == files(tmp_path / "local")
    assert not with_store or not list(store.iterdir())


@pytest.mark.slow
def test_a_trial_that_takes_too_long_is_ended_with_its_process(tmp_path):
    result = run(tmp_path / "r", "10000000steps", seeds=1, timeout="5s")
    row = result.results.iloc[0]
    assert (row["status"], row["error"]) == ("timeout", "took longer than 5s")
    assert result.exit_code == 1
    wait_for(lambda: not workers(tmp_path), 10)


@pytest.mark.slow
def test_a_run_that_is_stopped_goes_on_to_the_same_bits(tmp_path):
    run_folder = tmp_path / "ray"

    def stop():
        wait_for(lambda: any(run_folder.glob("trials/*/checkpoint/*.json")))
        os.kill(os.getpid(), signal.SIGINT)

    with in_background(stop):
        stopped = run(run_folder, LONG, seeds=1)
    assert (stopped.exit_code, stopped.interrupted) == (130, True)
    assert stopped.results["status"].tolist() == ["interrupted"]
    assert run(run_folder, LONG, seeds=1).exit_code == 0
    run(tmp_path / "local", LONG, seeds=1, executor="local")
    assert_equal_runs(run_folder, tmp_path / "local")


def start_node_that_does_not_see(folder, address):
    """A Ray node with one CPU, which sees an empty folder in place of this one."""
    probe = ["unshare", "-m", "--propagation", "private", "true"]
    if not shutil.which("unshare") or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("mount namespaces need root")
    script = 'mount -t tmpfs none "$0" && exec "$@"'
    ray_start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
    node = subprocess.Popen(
        [*probe[:-1], "sh", "-c", script, folder, *ray_start, f"--address={address}"],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert any("Ray runtime started" in line for line in node.stdout)
    return node


def end(node):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(node.pid, signal.SIGKILL)
    node.wait()
    node.stdout.close()


def workers(tmp_path):
    """Worker processes of this test."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = str(tmp_path).encode() in (process / "environ").read_bytes()
            if ours and b"ganbench.execution.worker" in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found


def files(run_folder):
    """Names of the trials' files, and how many checkpoints there are; not which, as that is chance."""
    names = [path.relative_to(run_folder) for path in run_folder.glob("trials/*/*")]
    return sorted(names), len(list(run_folder.glob("trials/*/checkpoint/*")))


def assert_equal_runs(ours, theirs):
    """Bit-equal rows, histories, weights and pictures."""
    a, b = (gb.load_results(folder).set_index("trial").sort_index() for folder in (ours, theirs))
    columns = [column for column in a if column not in TIMES]
    assert a[columns].equals(b[columns])
    a, b = (
        gb.load_history(folder).sort_values(["trial", "tick"], ignore_index=True)
        for folder in (ours, theirs)
    )
    assert a.drop(columns="train_seconds").equals(b.drop(columns="train_seconds"))
    for folder in (ours / "trials").iterdir():
        other = theirs / "trials" / folder.name
        assert (folder / "samples.png").read_bytes() == (other / "samples.png").read_bytes()
        assert weights(folder) == weights(other)


def weights(trial):
    tensors = load_file(max((trial / "checkpoint").glob("*.safetensors")))
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def logs(run_folder):
    return [path.read_text() for path in run_folder.glob("trials/*/log.txt")]


@contextlib.contextmanager
def in_background(action):
    """Do something meanwhile; what it raises is raised at the end."""
    raised = []

    def guarded():
        try:
            action()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    yield
    thread.join(60)
    assert not raised, raised


def wait_for(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
