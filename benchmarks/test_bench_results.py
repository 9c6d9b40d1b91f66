"""Read a run folder of ten thousand rows, against the lower bound of that cost."""

from __future__ import annotations

import itertools
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from made_up_runs import Row, synthetic_history, synthetic_row
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measuring import median_seconds, record_rate
from ganbench.store.file_digests import digest
from ganbench.store.frames import load_results
from ganbench.store.results_table import refresh_table
from ganbench.store.rows import dump_history, dump_row
from ganbench.store.run_folder import RunFolder

pytestmark = pytest.mark.benchmark(group="reading ten thousand rows")

_TRIALS = 10_000
_SEEDS = 10
_COMPONENTS = (
    [f"dcgan[width={width}]" for width in range(8, 208, 8)],
    ["hinge", "non-saturating", "wgan-gp", "lsgan", "relativistic"],
    ["digits", "cifar10"],
    ["none", "r1[gamma=0.1]"],
    ["none", "diffaugment"],
)
_SETTINGS = json.dumps({f"setting_{number}": number / 7 for number in range(12)})
_EMPTY = "import pandas, pyarrow, click, rich.console"


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunFolder]:
    """Ten thousand trials, their files written by hand."""
    run = RunFolder(tmp_path_factory.mktemp("rows") / "run").create()
    cells = itertools.product(*_COMPONENTS)
    for number, (specs, seed) in enumerate(itertools.product(cells, range(_SEEDS))):
        _write(run, f"trial-s{seed}-{number:010x}", specs, seed)
    assert len(run.trial_ids()) == _TRIALS
    yield run
    shutil.rmtree(run.path)


@pytest.fixture(scope="module", params=["row files", "sealed row files", "table"])
def folder(request: pytest.FixtureRequest, rows: RunFolder) -> RunFolder:
    """The trials as they are, with digests, and with results.parquet."""
    rows.table_file.unlink(missing_ok=True)
    for trial in rows.trials():
        trial.digests_json.unlink(missing_ok=True)
        if request.param != "row files":
            files = (trial.row_json, trial.history_csv)
            known = {path.name: [digest(path.read_bytes())] for path in files}
            trial.digests_json.write_text(json.dumps({"format": 1, "files": known}))
    if request.param == "table":
        refresh_table(rows)
    return rows


def test_load_results(benchmark: BenchmarkFixture, folder: RunFolder) -> None:
    """Beside opening the row files and parsing their JSON."""
    frame = _beside(benchmark, lambda: load_results(folder.path), lambda: _parsed(folder), 5)
    assert len(frame) == _TRIALS
    record_rate(benchmark, "rows_per_second", _TRIALS)


def test_results_command(benchmark: BenchmarkFixture, folder: RunFolder) -> None:
    """``ganbench results DIR``, beside a program that imports what it needs and ends."""
    text = _beside(
        benchmark,
        lambda: _run("-m", "ganbench", "results", str(folder.path)),
        lambda: _run("-c", _EMPTY),
        3,
    )
    assert len(text.splitlines()) > _TRIALS


def _beside(
    benchmark: BenchmarkFixture,
    measured: Callable[[], Any],
    least: Callable[[], object],
    rounds: int,
) -> Any:
    """Measure one, and record its ratio to the other, which runs in between."""
    seconds = []

    def other() -> None:
        start = time.perf_counter()
        least()
        seconds.append(time.perf_counter() - start)

    result = benchmark.pedantic(
        measured, setup=None if benchmark.disabled else other, rounds=rounds
    )
    median = median_seconds(benchmark)
    if median is not None:
        base = statistics.median(seconds)
        benchmark.extra_info |= {"least_seconds": base, "ratio": median / base}
    return result


def _parsed(run: RunFolder) -> list[Row]:
    return [json.loads(trial.row_json.read_bytes()) for trial in run.trials()]


def _run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


def _write(run: RunFolder, trial: str, specs: tuple[str, ...], seed: int) -> None:
    row = synthetic_row(trial, specs, seed) | {"settings": _SETTINGS, "setting_sources": _SETTINGS}
    files = {
        "trial.json": json.dumps({"trial": trial, "seed": seed, "columns": list(specs)}),
        "history.csv": dump_history(synthetic_history(row), trial),
        "row.json": dump_row(row, trial),
    }
    place = run.trial(trial).path
    place.mkdir()
    for name, text in files.items():
        (place / name).write_text(text, encoding="utf-8")
