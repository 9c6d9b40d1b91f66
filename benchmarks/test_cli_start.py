"""How soon the command line answers, beside the smallest program that uses click."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.measuring import median_seconds

pytestmark = pytest.mark.benchmark(group="start of the command line")

_BARE = """
import click

@click.group()
def app():
    pass

@app.command()
def list():
    pass

app()
"""


@pytest.mark.parametrize("argument", ["--help", "list"])
def test_start(benchmark: BenchmarkFixture, argument: str) -> None:
    bare_seconds = []

    def bare() -> None:
        start = time.perf_counter()
        _run("-c", _BARE, argument)
        bare_seconds.append(time.perf_counter() - start)

    text = benchmark.pedantic(
        _run, ("-m", "ganbench", argument), setup=None if benchmark.disabled else bare, rounds=10
    )
    assert text
    seconds = median_seconds(benchmark)
    if seconds is not None:
        bare_median = statistics.median(bare_seconds)
        benchmark.extra_info |= {"bare_click_seconds": bare_median, "ratio": seconds / bare_median}


def _run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()
