"""The cost of running trials in separate processes, under a supervisor.

Everything runs through the command line, with workers. Large numbers need ``--whole``; the others
show as much on a quiet machine. Without timing, a few trials show that it works.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import ganbench as gb

pytestmark = pytest.mark.benchmark(group="execution")

#: One thread each, as the workers have, so that two of them do not share a core's time.
_ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
_TRIVIAL = (
    *("-a", "mlp[d_widths=[16],g_widths=[16],latent_dim=4]", "-l", "hinge", "-d", "digits"),
    *("--budget", "2steps", "--set", "evaluation.extractor=pixels"),
    *("--set", "evaluation.samples=64", "--set", "evaluation.ticks=1"),
)
#: The shipped grid `quick`, cut short.
_BUDGET = ("--budget", "6400img")
_SHORT = ("-l", "hinge", "-l", "wgan-gp", "--seeds", "2", *_BUDGET)
_TAIL = 10  # trials after the last measurement, while which the worker still lives


@dataclass(frozen=True)
class Spent:
    """The time that a run took.

    :ivar seconds: from the start of the process to its end.
    :ivar supervisor: CPU seconds of the supervising process, its start included.
    """

    seconds: float
    supervisor: float


@pytest.mark.parametrize("jobs", [1, 2])
def test_quick_cut_short(
    benchmark: BenchmarkFixture, tmp_path: Path, cache: Path, jobs: int
) -> None:
    _whole_grid(benchmark, tmp_path / "run", cache, jobs, _SHORT)


@pytest.mark.whole
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("jobs", [1, 2])
def test_quick(benchmark: BenchmarkFixture, tmp_path: Path, cache: Path, jobs: int) -> None:
    _whole_grid(benchmark, tmp_path / "run", cache, jobs, ())


@pytest.mark.parametrize(
    "trials",
    [100, pytest.param(1000, marks=[pytest.mark.whole, pytest.mark.timeout(3600)])],
)
def test_trivial_trials(
    benchmark: BenchmarkFixture, tmp_path: Path, cache: Path, trials: int
) -> None:
    """The supervisor's cost for a trial, beside its own start."""
    if benchmark.disabled:
        trials = 6
    arguments = (*_TRIVIAL, "-j", "2", "--seeds")
    before = _timed(tmp_path / "few", cache, *arguments, "2")
    spent = benchmark.pedantic(_timed, (tmp_path / "run", cache, *arguments, str(trials)))
    rows = gb.load_results(tmp_path / "run")
    assert (rows["status"] == "ok").all()
    assert len(rows) == trials
    more = trials - 2
    benchmark.extra_info |= {
        "trials": trials,
        "supervisor_cpu_ms_per_trial": 1000 * (spent.supervisor - before.supervisor) / more,
        "seconds_per_trial": (spent.seconds - before.seconds) / more,
        "trial_wall_seconds": float(rows["wall_seconds"].median()),
    }


@pytest.mark.parametrize(
    ("few", "many"),
    [(20, 60), pytest.param(20, 200, marks=[pytest.mark.whole, pytest.mark.timeout(3600)])],
)
def test_memory_of_a_worker(
    benchmark: BenchmarkFixture, tmp_path: Path, cache: Path, few: int, many: int
) -> None:
    """Resident memory of one worker after many trials over that after few."""
    if benchmark.disabled:
        few, many = 3, 6
    found = benchmark.pedantic(_resident_after, (tmp_path / "run", cache, (few, many)))
    ratio = found[many] / found[few]
    benchmark.extra_info |= {"mebibytes": {str(n): m for n, m in found.items()}, "ratio": ratio}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights and statistics, which a run of the grids below has filled."""
    folder = tmp_path_factory.mktemp("cache")
    _timed(
        folder / "first",
        folder,
        "--grid",
        "quick",
        "-a",
        "mlp",
        "-l",
        "hinge",
        "--seeds",
        "1",
        *_BUDGET,
    )
    return folder


def _whole_grid(
    benchmark: BenchmarkFixture, out: Path, cache: Path, jobs: int, options: tuple[str, ...]
) -> None:
    """Time of a grid over that of its trials, divided among the workers, and a worker's start."""
    arguments = ("--grid", "quick", *options, "-j", str(jobs))
    start = _worker_start(cache)
    spent = benchmark.pedantic(_timed, (out, cache, *arguments))
    rows = gb.load_results(out)
    assert set(rows["status"]) <= {"ok", "diverged"}
    needed = float(rows["wall_seconds"].sum()) / jobs + start
    benchmark.extra_info |= {
        "jobs": jobs,
        "trials": len(rows),
        "trial_wall_seconds": float(rows["wall_seconds"].sum()),
        "worker_start_seconds": start,
        "ratio": spent.seconds / needed,
    }


def _resident_after(out: Path, cache: Path, counts: tuple[int, ...]) -> dict[int, float]:
    """MiB of the only worker of a run when it has done so many trials."""
    trials = max(counts) + _TAIL
    process = _start(out, cache, *_TRIVIAL, "--seeds", str(trials), "-j", "1")
    found: dict[int, float] = {}
    workers = set()
    for count in sorted(counts):
        while len([*out.glob("trials/*/row.json")]) < count:
            assert process.poll() is None, "the run ended early"
            time.sleep(0.02)
        (worker,) = _children(process.pid)
        workers.add(worker)
        found[count] = _resident_mebibytes(worker)
    assert process.wait() == 0
    assert len(workers) == 1, "the trials did not share a worker"
    return found


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _resident_mebibytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def _timed(out: Path, cache: Path, *arguments: str) -> Spent:
    start = time.perf_counter()
    process = _start(out, cache, *arguments)
    supervisor = _cpu_seconds_until_end(process.pid)
    assert process.wait() == 0
    return Spent(time.perf_counter() - start, supervisor)


def _start(out: Path, cache: Path, *arguments: str) -> subprocess.Popen[Any]:
    return subprocess.Popen(
        [sys.executable, "-m", "ganbench", "run", *arguments, "-o", str(out)],
        env=_ENVIRONMENT | {"GANBENCH_CACHE": str(cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _cpu_seconds_until_end(pid: int) -> float:
    """CPU time of a child of this process without its own children, which `wait4` would add."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def _worker_start(cache: Path) -> float:
    """Seconds until a fresh interpreter has imported what a worker needs."""
    command = [
        sys.executable,
        "-c",
        "import ganbench.execution.supervise.worker, ganbench.training.trial_loop",
    ]
    start = time.perf_counter()
    subprocess.run(command, env=_ENVIRONMENT | {"GANBENCH_CACHE": str(cache)}, check=True)
    return time.perf_counter() - start
