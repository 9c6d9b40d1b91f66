"""Every component but architectures, by the suite of its kind: alone, and in training steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from ganbench.registry import KINDS, Registry
from ganbench.testing.speed.suites import SUITES, suite_of

_ELSEWHERE = ("architecture",)  # in test_architectures
#: Of kinds whose components may need files: those that need none.
_WITHOUT_FILES = {
    "dataset": ("digits", "ring", "gaussian-grid"),
    "extractor": ("pixels", "small-cnn[steps=30]"),
    "augmentation": ("ada", "diffaugment"),
}


def _cases() -> Iterator[tuple[str, str, str]]:
    registry = Registry.load()
    for kind in KINDS:
        if kind not in _ELSEWHERE:
            known = [info.name for info in registry.components(kind).values() if not info.error]
            for spec in _WITHOUT_FILES.get(kind, known):
                for workload in SUITES[kind].workloads():
                    yield kind, spec, workload


@pytest.mark.parametrize(("kind", "spec", "workload"), [*_cases()])
def test_component(
    benchmark: BenchmarkFixture,
    kind: str,
    spec: str,
    workload: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    benchmark.group = f"{kind}: {SUITES[kind].workloads()[workload]}"
    suite_of(kind, Registry.load().bind(kind, spec).component).test_speed(benchmark, workload)
