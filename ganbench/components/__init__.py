"""The contracts that plugin authors implement. Importing them imports no torch."""

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from ganbench.components.architecture import Architecture, Critique, Networks, Translation
from ganbench.components.augmentation import Augmentation
from ganbench.components.base import Component, option
from ganbench.components.callback import Callback
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.dataset import Dataset
from ganbench.components.extractor import Extractor, ExtractorContext, FeatureNetwork, Features
from ganbench.components.loss import Loss
from ganbench.components.progress import Progress
from ganbench.components.regularizer import Regularizer
from ganbench.components.view import View
from ganbench.registry import lookup

if TYPE_CHECKING:
    from ganbench.registry.lookup import ComponentInfo

__all__ = [
    "Architecture",
    "Augmentation",
    "Callback",
    "Component",
    "Critique",
    "DataSpec",
    "Dataset",
    "Extractor",
    "ExtractorContext",
    "FeatureNetwork",
    "Features",
    "ImageData",
    "Loss",
    "Networks",
    "Progress",
    "Regularizer",
    "Translation",
    "View",
    "option",
]


class _Callable(ModuleType):
    """Python binds this package to the name ``ganbench.components`` when it is imported.

    That is also the name of a function, so the package can be called as that function.
    """

    def __call__(self, kind: str) -> dict[str, "ComponentInfo"]:
        return lookup.components(kind)


sys.modules[__name__].__class__ = _Callable
