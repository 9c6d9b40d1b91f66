"""The one way in which ganbench imports torchvision.

torchvision declares its compiled operators when its library ``torchvision/_C`` loads. Where it
cannot, as with a CUDA build beside a CPU-only torch, ``import torchvision`` dies with "operator
torchvision::nms does not exist", although data sets, transforms and image grids use no compiled
operator. Declaring the two operators that the import asks for is enough to make it work.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import threading
import warnings
from typing import Any

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

_lock = threading.RLock()
_declared: Any = None  # the torch.library.Library; its schemas live as long as it does


def import_torchvision() -> Any:
    """The torchvision package, with ``datasets``, ``transforms`` and ``utils`` imported.

    Its compiled operators may be missing (see `torchvision_ops_missing`); its Python parts work.
    """
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "torchvision" not in sys.modules:
            _declare_missing_operators()
        import torchvision

        return torchvision


def torchvision_ops_missing() -> bool:
    """Whether torchvision's compiled operators cannot load here, so that they had to be declared."""
    import_torchvision()
    return _declared is not None


def _declare_missing_operators() -> None:
    global _declared
    if _declared is None and not _compiled_operators_load():
        import torch

        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in _SCHEMAS:
            library.define(schema)
        _declared = library


def _compiled_operators_load() -> bool:
    """Try to load the library as torchvision does; True without torchvision."""
    import torch

    package = importlib.util.find_spec("torchvision")
    if package is None:
        return True
    compiled = importlib.machinery.PathFinder.find_spec(
        "torchvision._C", package.submodule_search_locations
    )
    if compiled is None or compiled.origin is None:
        return False
    try:
        torch.ops.load_library(compiled.origin)
    except (ImportError, OSError):
        return False
    return True
