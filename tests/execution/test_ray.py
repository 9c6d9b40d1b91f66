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
from types import SimpleNamespace

import pytest
from safetensors.torch import load_file

import ganbench as gb
from ganbench.base.errors import UsageError
from ganbench.execution.ray.actor import TrialWorker
from ganbench.execution.ray.cluster import Need
from ganbench.execution.ray.node import mismatch, versions
from ganbench.store.run_folder import RunFolder

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'ganbench[ray]'")

TINY = "mlp[d_widths=[16],g_widths=[16],latent_dim=4]"
EVALUATION = {"ticks": 8, "samples": 64, "extractor": "pixels"}
#: Columns that tell time, memory, place or how often a trial was started.
TIMES = {
    *("train_seconds", "eval_seconds", "wall_seconds", "warmup_seconds", "compile_seconds"),
    *("images_per_second", "step_ms"),
}
TIMES |= {"peak_memory_mb", "eval_peak_memory_mb"}
TIMES |= {"steps_per_second", "started", "attempts", "exclusive"}
LONG = "6000steps"
PLUGIN = "plugin ganbench:augmentations"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    """Checkpoints often, a cache of the test's own, and no words to Ray's makers."""
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GANBENCH_CHECKPOINT_SECONDS", "0.5")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    (tmp_path / "cache").mkdir()


@pytest.fixture(scope="module")
def on_this_machine(tmp_path_factory):
    """A run folder that worker processes of this machine have filled."""
    folder = tmp_path_factory.mktemp("local") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("GANBENCH_CACHE", str(folder.parent / "cache"))
        monkeypatch.setenv("GANBENCH_CHECKPOINT_SECONDS", "0.5")
        run(folder, LONG, jobs=2, executor="local")
    return folder


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


@pytest.mark.slow
def test_a_ray_of_its_own_gives_the_rows_of_this_process(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with_ray = run(tmp_path / "ray", jobs="auto")
    assert with_ray.exit_code == 0, with_ray.results["error"].tolist()
    assert not ray.is_initialized()
    assert signal.getsignal(signal.SIGTERM) == before
    run(tmp_path / "inline", executor="inline", threads=1)
    assert_equal_runs(tmp_path / "ray", tmp_path / "inline")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_an_address_that_is_none_is_one_sentence(tmp_path, address):
    with pytest.raises(UsageError, match=rf"Ray address {address}: (nobody answers|give that of)"):
        run(tmp_path / "r", ray_address=address)
    assert not (tmp_path / "r").exists()


def test_without_ray_the_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'ganbench\[ray\]'"):
        run(tmp_path / "r")


def test_a_trial_takes_its_share_of_one_gpu():
    need = Need(cpus=2, gpus=0.3)
    rooms = [need.times({"CPU": cpus, "GPU": gpus}) for cpus, gpus in [(16, 2), (5, 2), (16, 0)]]
    assert rooms == [6, 2, 0]
    need = Need(cpus=4, gpus=2.0)
    rooms = [need.times({"CPU": cpus, "GPU": gpus}) for cpus, gpus in [(16, 5), (5, 4), (16, 1)]]
    assert rooms == [2, 1, 0]


def test_nodes_that_differ_are_told_from_those_that_do_not():
    ours = versions()
    assert mismatch(ours, ours) is None
    assert "torch 1.0" in mismatch(ours, ours | {"torch": "1.0"})
    other = {name: version for name, version in ours.items() if name != PLUGIN}
    assert f"it lacks {PLUGIN}, this run has {PLUGIN} {ours[PLUGIN]}" in mismatch(ours, other)


def test_a_node_where_ganbench_does_not_start_says_why(monkeypatch):
    context = SimpleNamespace(get_node_id=lambda: "a1")
    monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
    (begun,), (unfit,) = TrialWorker([], {"of": "another version"}).run({}, None)
    assert (begun["event"], begun["node"], unfit["event"]) == ("begun", "a1", "unfit")
    assert "ganbench does not start there: TypeError" in unfit["why"]


@pytest.mark.slow
def test_replicas_share_a_node(tmp_path, cluster):
    cluster.add_node(num_cpus=1)
    training = {"replicas": 2}
    with pytest.raises(UsageError, match="the 2 CPU that a trial of 2 replicas takes"):
        run(tmp_path / "ray", ray_address=cluster.address, training=training)
    cluster.add_node(num_cpus=2)
    result = run(tmp_path / "ray", jobs="auto", ray_address=cluster.address, training=training)
    assert result.exit_code == 0, result.results["error"].tolist()
    run(tmp_path / "local", executor="local", training=training)
    assert_equal_runs(tmp_path / "ray", tmp_path / "local")


@pytest.mark.slow
def test_what_a_killed_node_was_at_is_done_elsewhere(tmp_path, cluster, on_this_machine):
    doomed, _ = (cluster.add_node(num_cpus=1) for _ in range(2))
    run_folder = tmp_path / "ray"

    def kill():
        wait_for(lambda: under_way(run_folder) == 2)
        cluster.remove_node(doomed, allow_graceful=False)

    with in_background(kill):
        result = run(run_folder, LONG, jobs=2, ray_address=cluster.address)
    assert result.exit_code == 0, result.results["error"].tolist()
    assert sorted(result.results["attempts"]) == [1, 2]
    assert sum("resumed after" in text for text in logs(run_folder)) == 1
    assert_equal_runs(run_folder, on_this_machine)


@pytest.mark.slow
@pytest.mark.parametrize("with_store", [False, True], ids=["object-store", "url"])
def test_nodes_without_the_run_folder_hand_over_what_they_make(
    tmp_path, cluster, on_this_machine, with_store
):
    run_folder, store = tmp_path / "ray", tmp_path / "store"
    run_folder.mkdir()
    nodes = [start_node_that_does_not_see(run_folder, cluster.address)]

    def replace():
        wait_for(lambda: under_way(run_folder) == 1)
        end(nodes[0])
        nodes.append(start_node_that_does_not_see(run_folder, cluster.address))

    try:
        url = f"file://{store}" if with_store else None
        with in_background(replace):
            result = run(run_folder, LONG, seeds=1, ray_address=cluster.address, store=url)
    finally:
        for node in nodes:
            end(node)
    assert result.exit_code == 0, result.results["error"].tolist()
    assert result.results["attempts"].tolist() == [2]
    assert "resumed after" in logs(run_folder)[0]
    assert_equal_runs(run_folder, on_this_machine)
    (trial,) = RunFolder(run_folder).trials()
    assert trial.damaged() == []
    assert files(trial) == files(RunFolder(on_this_machine).trial(trial.id))
    assert not with_store or not list(store.iterdir())


@pytest.mark.slow
def test_a_node_with_other_plugins_is_left_out(tmp_path, cluster, capfd):
    plugin = tmp_path / "other" / "other-1.0.dist-info"
    plugin.mkdir(parents=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (plugin / "entry_points.txt").write_text("[ganbench]\nextra = other\n")
    cluster.add_node(num_cpus=8, env_vars={"PYTHONPATH": str(plugin.parent)})
    with pytest.raises(UsageError, match=r"no node of the Ray cluster can run trials.*other:extra"):
        run(tmp_path / "none", ray_address=cluster.address)
    cluster.add_node(num_cpus=1)
    result = run(tmp_path / "one", jobs="auto", ray_address=cluster.address, quiet=False)
    assert result.exit_code == 0, result.results["error"].tolist()
    output = capfd.readouterr()
    assert (
        "is left out: it has plugin other:extra 1.0, this run lacks plugin other:extra"
        in output.err
    )
    assert not output.out


@pytest.mark.slow
def test_a_trial_that_takes_too_long_is_ended_with_its_process(tmp_path):
    result = run(tmp_path / "r", "10000000steps", seeds=1, timeout="5s")
    row = result.results.iloc[0]
    assert (row["status"], row["error"]) == ("timeout", "took longer than 5s")
    assert result.exit_code == 1
    wait_for(lambda: not workers(tmp_path), 10)


@pytest.mark.slow
def test_a_run_that_is_stopped_goes_on_to_the_same_bits(tmp_path, on_this_machine):
    run_folder = tmp_path / "ray"

    def stop():
        wait_for(lambda: under_way(run_folder) == 1)
        os.kill(os.getpid(), signal.SIGINT)

    with in_background(stop):
        stopped = run(run_folder, LONG, seeds=1)
    assert (stopped.exit_code, stopped.interrupted) == (130, True)
    assert stopped.results["status"].tolist() == ["interrupted"]
    assert run(run_folder, LONG, seeds=1).exit_code == 0
    assert_equal_runs(run_folder, on_this_machine)


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


def under_way(run_folder):
    """How many trials have a checkpoint."""
    return sum(any(path.glob("*.json")) for path in run_folder.glob("trials/*/checkpoint"))


def workers(tmp_path):
    """Worker processes of this test."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = str(tmp_path).encode() in (process / "environ").read_bytes()
            if (
                ours
                and b"ganbench.execution.supervise.worker" in (process / "cmdline").read_bytes()
            ):
                found.append(process.name)
    return found


def files(trial):
    """Names of a trial's files, and how many checkpoints there are; not which, as that is chance."""
    names = sorted(path.name for path in trial.path.iterdir())
    return names, len(list(trial.checkpoint_dir.iterdir()))


def assert_equal_runs(ours, theirs):
    """Every trial of ours has rows, history, weights and pictures that are bit-equal to theirs."""
    for folder in RunFolder(ours).trials():
        other = RunFolder(theirs).trial(folder.id)
        assert without_times(folder.read_row()) == without_times(other.read_row())
        assert [without_times(line) for line in folder.read_history()] == [
            without_times(line) for line in other.read_history()
        ]
        assert folder.samples_png.read_bytes() == other.samples_png.read_bytes()
        assert weights(folder) == weights(other)


def without_times(record):
    """Texts, since NaN is not equal to itself."""
    return {name: str(value) for name, value in record.items() if name not in TIMES}


def weights(trial):
    tensors = load_file(max(trial.checkpoint_dir.glob("*.safetensors")))
    del tensors["/trainer/step_times"]
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
