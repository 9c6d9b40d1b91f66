# The public names. lazy_loader reads this file when `import ganbench` runs, type checkers read it too.

# The groups.
from . import metrics as metrics
from . import results as results
from . import testing as testing

# Errors, and what reads image files.
from .base.errors import DataNotFoundError as DataNotFoundError
from .base.errors import GanbenchError as GanbenchError
from .base.errors import UsageError as UsageError
from .base.images import ImageError as ImageError
from .base.images import check_image_bytes as check_image_bytes
from .base.images import decode_image as decode_image
from .base.images import read_image_file as read_image_file

# The function shares its name with the package, so it lives there: lazy_loader keeps the function.
from .components import components as components

# What plugins implement and use.
from .components.architecture import CRITIC_CLASSES as CRITIC_CLASSES
from .components.architecture import CRITIC_FEATURES as CRITIC_FEATURES
from .components.architecture import MINIBATCH_STATISTICS as MINIBATCH_STATISTICS
from .components.architecture import PER_SAMPLE_CRITIC as PER_SAMPLE_CRITIC
from .components.architecture import STYLES as STYLES
from .components.architecture import Architecture as Architecture
from .components.architecture import Critique as Critique
from .components.architecture import Networks as Networks
from .components.architecture import Translation as Translation
from .components.architecture import image_problem as image_problem
from .components.architecture import square_problem as square_problem
from .components.augmentation import Augmentation as Augmentation
from .components.base import Component as Component
from .components.base import Level as Level
from .components.base import option as option
from .components.callback import Callback as Callback
from .components.column import Column as Column
from .components.data import DataSpec as DataSpec
from .components.data import ImageData as ImageData
from .components.data import Modes as Modes
from .components.dataset import Dataset as Dataset
from .components.extractor import Extractor as Extractor
from .components.extractor import ExtractorContext as ExtractorContext
from .components.extractor import FeatureNetwork as FeatureNetwork
from .components.extractor import Features as Features
from .components.loss import Loss as Loss
from .components.metric import FeatureSet as FeatureSet
from .components.metric import Measured as Measured
from .components.metric import Metric as Metric
from .components.optimizer import Optimizer as Optimizer
from .components.optimizer import OptimizerSettings as OptimizerSettings
from .components.progress import Progress as Progress
from .components.regularizer import Regularizer as Regularizer
from .components.replicas import all_replicas as all_replicas
from .components.replicas import replica_count as replica_count
from .components.schedule import Schedule as Schedule
from .components.schedule import Window as Window
from .components.view import View as View

# What trains and measures.
from .evaluation.evaluate import evaluate as evaluate
from .evaluation.moments import MomentAccumulator as MomentAccumulator
from .evaluation.moments import Moments as Moments
from .evaluation.moments import feature_matrix as feature_matrix
from .evaluation.record import Evaluation as Evaluation
from .execution.measure import MeasureResult as MeasureResult
from .execution.measure import measure as measure
from .execution.run import run as run
from .execution.run_result import RunResult as RunResult
from .fit.api import fit as fit
from .fit.outcome import FitResult as FitResult
from .generators.api import export as export
from .generators.api import load_generator as load_generator
from .generators.api import project as project
from .generators.api import sample as sample
from .generators.export import Exported as Exported
from .generators.projection import Projection as Projection
from .generators.trained import Trained as Trained
from .grid.grid import Grid as Grid

# The groups' functions under flat names.
from .metrics import frechet_distance as frechet_distance
from .metrics import kernel_distance as kernel_distance
from .metrics import mixture_statistics as mixture_statistics
from .metrics import nearest_neighbours as nearest_neighbours
from .metrics import prdc as prdc
from .registry.hookspecs import hookimpl as hookimpl
from .registry.lookup import ComponentInfo as ComponentInfo
from .registry.lookup import get as get
from .report.api import Figure as Figure
from .report.api import plot as plot
from .report.api import report as report
from .results import compare as compare
from .results import rank as rank
from .results import stability as stability
from .store.frames import load_history as load_history
from .store.frames import load_results as load_results

__version__: str
