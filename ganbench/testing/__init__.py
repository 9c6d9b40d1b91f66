"""Tests for plugin authors: suites to inherit, and plugins without installation.

Each suite is a plain class of pytest tests. Inherit it under a name that pytest collects, and name
the component::

    from ganbench.testing import LossTests

    class TestMyLoss(LossTests):
        component = MyLoss()

The tests check the contract by numbers, on made-up data, with small partners for the other components;
they need no other plugin. Their messages say what is wrong and how to fix it.

The benchmarks are suites of the same form. pytest-benchmark times each workload, and ``ganbench bench``
compares it with an earlier version::

    from ganbench.testing import LossBenchmarks

    class TestMyLossSpeed(LossBenchmarks):
        component = MyLoss()
"""

from ganbench.testing.architectures import ArchitectureTests
from ganbench.testing.augmentations import AugmentationTests
from ganbench.testing.callbacks import CallbackTests
from ganbench.testing.datasets import DatasetTests
from ganbench.testing.extractors import ExtractorTests
from ganbench.testing.feature_sets import feature_set
from ganbench.testing.losses import LossTests
from ganbench.testing.metrics import MetricTests
from ganbench.testing.optimizers import OptimizerTests
from ganbench.testing.plugins import installed
from ganbench.testing.regularizers import RegularizerTests
from ganbench.testing.schedules import ScheduleTests
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
from ganbench.testing.speed.workload import Work, workload

__all__ = [
    "ArchitectureBenchmarks",
    "ArchitectureTests",
    "AugmentationBenchmarks",
    "AugmentationTests",
    "CallbackBenchmarks",
    "CallbackTests",
    "DatasetBenchmarks",
    "DatasetTests",
    "ExtractorBenchmarks",
    "ExtractorTests",
    "LossBenchmarks",
    "LossTests",
    "MetricBenchmarks",
    "MetricTests",
    "OptimizerBenchmarks",
    "OptimizerTests",
    "RegularizerBenchmarks",
    "RegularizerTests",
    "ScheduleBenchmarks",
    "ScheduleTests",
    "Work",
    "feature_set",
    "installed",
    "workload",
]
