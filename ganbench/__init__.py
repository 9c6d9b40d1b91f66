"""ganbench: is this GAN component really better?

The names below are imported on first use, so that ``import ganbench`` is quick and torch is loaded
only by what needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Architecture": "ganbench.components.architecture",
    "CRITIC_CLASSES": "ganbench.components.architecture",
    "CRITIC_FEATURES": "ganbench.components.architecture",
    "Critique": "ganbench.components.architecture",
    "MINIBATCH_STATISTICS": "ganbench.components.architecture",
    "STYLES": "ganbench.components.architecture",
    "Translation": "ganbench.components.architecture",
    "Networks": "ganbench.components.architecture",
    "PER_SAMPLE_CRITIC": "ganbench.components.architecture",
    "Augmentation": "ganbench.components.augmentation",
    "Component": "ganbench.components.base",
    "Level": "ganbench.components.base",
    "option": "ganbench.components.base",
    "Callback": "ganbench.components.callback",
    "DataSpec": "ganbench.components.data",
    "ImageData": "ganbench.components.data",
    "Modes": "ganbench.components.data",
    "Dataset": "ganbench.components.dataset",
    "Extractor": "ganbench.components.extractor",
    "ExtractorContext": "ganbench.components.extractor",
    "FeatureNetwork": "ganbench.components.extractor",
    "Features": "ganbench.components.extractor",
    "Loss": "ganbench.components.loss",
    "Column": "ganbench.components.column",
    "FeatureSet": "ganbench.components.metric",
    "Measured": "ganbench.components.metric",
    "Metric": "ganbench.components.metric",
    "Progress": "ganbench.components.progress",
    "Regularizer": "ganbench.components.regularizer",
    "View": "ganbench.components.view",
    "ComponentInfo": "ganbench.registry.lookup",
    "components": "ganbench.registry.lookup",
    "get": "ganbench.registry.lookup",
    "hookimpl": "ganbench.registry.markers",
    "ImageError": "ganbench.images",
    "check_image_bytes": "ganbench.images",
    "decode_image": "ganbench.images",
    "read_image_file": "ganbench.images",
    "DataNotFoundError": "ganbench.errors",
    "GanbenchError": "ganbench.errors",
    "UsageError": "ganbench.errors",
    "Grid": "ganbench.grid.grid",
    "evaluate": "ganbench.execution.evaluate",
    "MeasureResult": "ganbench.execution.measure",
    "measure": "ganbench.execution.measure",
    "RunResult": "ganbench.execution.run",
    "run": "ganbench.execution.run",
    "compare": "ganbench.results.questions",
    "rank": "ganbench.results.questions",
    "load_history": "ganbench.results.frames",
    "load_results": "ganbench.results.frames",
    "MomentAccumulator": "ganbench.evaluation.moments",
    "Moments": "ganbench.evaluation.moments",
    "feature_matrix": "ganbench.evaluation.moments",
    "stability": "ganbench.evaluation.stability",
    "frechet_distance": "ganbench_metrics.frechet",
    "kernel_distance": "ganbench_metrics.kernel_distance",
    "mixture_statistics": "ganbench_metrics.mixtures",
    "nearest_neighbours": "ganbench_metrics.distances",
    "prdc": "ganbench_metrics.manifolds",
}

__all__ = ["__version__", *_HOME]

if TYPE_CHECKING:
    from ganbench.components.architecture import CRITIC_CLASSES as CRITIC_CLASSES
    from ganbench.components.architecture import CRITIC_FEATURES as CRITIC_FEATURES
    from ganbench.components.architecture import MINIBATCH_STATISTICS as MINIBATCH_STATISTICS
    from ganbench.components.architecture import PER_SAMPLE_CRITIC as PER_SAMPLE_CRITIC
    from ganbench.components.architecture import STYLES as STYLES
    from ganbench.components.architecture import Architecture as Architecture
    from ganbench.components.architecture import Critique as Critique
    from ganbench.components.architecture import Networks as Networks
    from ganbench.components.architecture import Translation as Translation
    from ganbench.components.augmentation import Augmentation as Augmentation
    from ganbench.components.base import Component as Component
    from ganbench.components.base import Level as Level
    from ganbench.components.base import option as option
    from ganbench.components.callback import Callback as Callback
    from ganbench.components.column import Column as Column
    from ganbench.components.data import DataSpec as DataSpec
    from ganbench.components.data import ImageData as ImageData
    from ganbench.components.data import Modes as Modes
    from ganbench.components.dataset import Dataset as Dataset
    from ganbench.components.extractor import Extractor as Extractor
    from ganbench.components.extractor import ExtractorContext as ExtractorContext
    from ganbench.components.extractor import FeatureNetwork as FeatureNetwork
    from ganbench.components.extractor import Features as Features
    from ganbench.components.loss import Loss as Loss
    from ganbench.components.metric import FeatureSet as FeatureSet
    from ganbench.components.metric import Measured as Measured
    from ganbench.components.metric import Metric as Metric
    from ganbench.components.progress import Progress as Progress
    from ganbench.components.regularizer import Regularizer as Regularizer
    from ganbench.components.view import View as View
    from ganbench.errors import DataNotFoundError as DataNotFoundError
    from ganbench.errors import GanbenchError as GanbenchError
    from ganbench.errors import UsageError as UsageError
    from ganbench.evaluation.moments import MomentAccumulator as MomentAccumulator
    from ganbench.evaluation.moments import Moments as Moments
    from ganbench.evaluation.moments import feature_matrix as feature_matrix
    from ganbench.evaluation.stability import stability as stability
    from ganbench.execution.evaluate import evaluate as evaluate
    from ganbench.execution.measure import MeasureResult as MeasureResult
    from ganbench.execution.measure import measure as measure
    from ganbench.execution.run import RunResult as RunResult
    from ganbench.execution.run import run as run
    from ganbench.grid.grid import Grid as Grid
    from ganbench.images import ImageError as ImageError
    from ganbench.images import check_image_bytes as check_image_bytes
    from ganbench.images import decode_image as decode_image
    from ganbench.images import read_image_file as read_image_file
    from ganbench.registry.lookup import ComponentInfo as ComponentInfo
    from ganbench.registry.lookup import components as components
    from ganbench.registry.lookup import get as get
    from ganbench.registry.markers import hookimpl as hookimpl
    from ganbench.results.frames import load_history as load_history
    from ganbench.results.frames import load_results as load_results
    from ganbench.results.questions import compare as compare
    from ganbench.results.questions import rank as rank
    from ganbench_metrics.distances import nearest_neighbours as nearest_neighbours
    from ganbench_metrics.frechet import frechet_distance as frechet_distance
    from ganbench_metrics.kernel_distance import kernel_distance as kernel_distance
    from ganbench_metrics.manifolds import prdc as prdc
    from ganbench_metrics.mixtures import mixture_statistics as mixture_statistics


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ganbench' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOME))
