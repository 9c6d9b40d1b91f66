"""The contracts that plugin authors implement. Importing them imports no torch."""

from ganbench.components.architecture import Architecture, Critique, Networks
from ganbench.components.augmentation import Augmentation
from ganbench.components.base import Component, option
from ganbench.components.callback import Callback
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.dataset import Dataset
from ganbench.components.extractor import Extractor, ExtractorContext, FeatureNetwork, Features
from ganbench.components.loss import Loss
from ganbench.components.regularizer import Regularizer
from ganbench.components.view import View

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
    "Regularizer",
    "View",
    "option",
]
