"""How many cases a run of the tests or benchmarks takes.

Some tests have many cases of one kind. A run takes a sample of them, which depends on
``$GANBENCH_SAMPLE`` alone; ``--whole`` takes all of them.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Sequence

import pytest

SAMPLE = os.environ.get("GANBENCH_SAMPLE", "0")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="take every case, and no sample of them")


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "sampled(count): a run takes this many cases of the test, --whole all",
        "whole: run with --whole only",
    ):
        config.addinivalue_line("markers", line)


def pytest_report_header(config: pytest.Config) -> str:
    if config.getoption("--whole"):
        return "cases: all of them"
    return f"cases: the sample of GANBENCH_SAMPLE={SAMPLE}; --whole takes all of them"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--whole"):
        return
    left_out = {item for item in items if item.get_closest_marker("whole")}
    sampled = [item for item in items if item.get_closest_marker("sampled")]
    for test, group in itertools.groupby(sampled, key=lambda item: item.nodeid.split("[")[0]):
        cases = list(group)
        (count,) = cases[0].get_closest_marker("sampled").args
        left_out |= set(cases) - set(sample_of(cases, count, test))
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


def sample_of(cases: Sequence[pytest.Item], count: int, test: str) -> list[pytest.Item]:
    """Neighboring cases from a random one on: cases often vary in turn, so these differ most."""
    start = random.Random(f"{SAMPLE} {test}").randrange(len(cases))
    return [cases[(start + n) % len(cases)] for n in range(min(count, len(cases)))]
