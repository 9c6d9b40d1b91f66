"""The suite of each kind of component."""

from __future__ import annotations

from typing import Any

from ganbench.testing.speed.measures import (
    CallbackBenchmarks,
    DatasetBenchmarks,
    ExtractorBenchmarks,
    MetricBenchmarks,
)
from ganbench.testing.speed.training import (
    ArchitectureBenchmarks,
    AugmentationBenchmarks,
    LossBenchmarks,
    OptimizerBenchmarks,
    RegularizerBenchmarks,
    ScheduleBenchmarks,
)
from ganbench.testing.speed.workload import ComponentBenchmarks

SUITES: dict[str, type[ComponentBenchmarks]] = {
    "architecture": ArchitectureBenchmarks,
    "loss": LossBenchmarks,
    "dataset": DatasetBenchmarks,
    "regularizer": RegularizerBenchmarks,
    "augmentation": AugmentationBenchmarks,
    "optimizer": OptimizerBenchmarks,
    "schedule": ScheduleBenchmarks,
    "extractor": ExtractorBenchmarks,
    "metric": MetricBenchmarks,
    "callback": CallbackBenchmarks,
}


def suite_of(kind: str, component: Any) -> ComponentBenchmarks:
    """The benchmarks of a component as a session has it."""
    suite = SUITES[kind]()
    suite.component = component
    return suite
