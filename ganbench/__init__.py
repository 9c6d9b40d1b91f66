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
    "Networks": "ganbench.components.architecture",
    "PER_SAMPLE_CRITIC": "ganbench.components.architecture",
    "Augmentation": "ganbench.components.augmentation",
    "Component": "ganbench.components.base",
    "option": "ganbench.components.base",
    "Callback": "ganbench.components.callback",
    "DataSpec": "ganbench.components.data",
    "ImageData": "ganbench.components.data",
    "Dataset": "ganbench.components.dataset",
    "Extractor": "ganbench.components.extractor",
    "ExtractorContext": "ganbench.components.extractor",
    "FeatureNetwork": "ganbench.components.extractor",
    "Features": "ganbench.components.extractor",
    "Loss": "ganbench.components.loss",
    "Regularizer": "ganbench.components.regularizer",
    "View": "ganbench.components.view",
    "ComponentInfo": "ganbench.registry.lookup",
    "components": "ganbench.registry.lookup",
    "get": "ganbench.registry.lookup",
    "hookimpl": "ganbench.registry.markers",
    "DataNotFoundError": "ganbench.errors",
    "GanbenchError": "ganbench.errors",
    "UsageError": "ganbench.errors",
    "Grid": "ganbench.grid.grid",
    "RunResult": "ganbench.execution.run",
    "run": "ganbench.execution.run",
    "load_history": "ganbench.results.frames",
    "load_results": "ganbench.results.frames",
    "frechet_distance": "ganbench.evaluation.frechet",
    "mixture_statistics": "ganbench.evaluation.mixtures",
    "prdc": "ganbench.evaluation.prdc",
    "stability": "ganbench.evaluation.stability",
}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604 - names are strings

if TYPE_CHECKING:
    from ganbench.components.architecture import (
        CRITIC_CLASSES,
        CRITIC_FEATURES,
        PER_SAMPLE_CRITIC,
        Architecture,
        Critique,
        Networks,
    )
    from ganbench.components.augmentation import Augmentation
    from ganbench.components.base import Component, option
    from ganbench.components.callback import Callback
    from ganbench.components.data import DataSpec, ImageData
    from ganbench.components.dataset import Dataset
    from ganbench.components.extractor import (
        Extractor,
        ExtractorContext,
        FeatureNetwork,
        Features,
    )
    from ganbench.components.loss import Loss
    from ganbench.components.regularizer import Regularizer
    from ganbench.components.view import View
    from ganbench.errors import DataNotFoundError, GanbenchError, UsageError
    from ganbench.evaluation.frechet import frechet_distance
    from ganbench.evaluation.mixtures import mixture_statistics
    from ganbench.evaluation.prdc import prdc
    from ganbench.evaluation.stability import stability
    from ganbench.execution.run import RunResult, run
    from ganbench.grid.grid import Grid
    from ganbench.registry.lookup import ComponentInfo, components, get
    from ganbench.registry.markers import hookimpl
    from ganbench.results.frames import load_history, load_results


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ganbench' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOME))
