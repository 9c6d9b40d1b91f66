"""The Inception network of the standard FID, as torch-fidelity builds it."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ganbench import (
    DataNotFoundError,
    DataSpec,
    Extractor,
    ExtractorContext,
    FeatureNetwork,
    Level,
    UsageError,
    option,
)
from ganbench.base.vision import import_torchvision
from ganbench_extractors.color import color_problem, features_of
from ganbench_extractors.inception_weights import (
    WeightsFile,
    chosen_weights,
    download_weights,
    find_weights,
    places,
)
from ganbench_extractors.weight_files import first_line, read_weights

_NAME = "inception-v3-compat"
_FEATURES = ("2048", "logits_unbiased")
_RESIZE = "bilinear to 299x299 as in TensorFlow 1, without antialiasing"
_FEW_AT_ONCE = 8  # images whose maps stay in a core's cache


class InceptionV3Compat(Extractor):
    """Inception v3 with TensorFlow's weights of 2015-12-05 and its resizing (torch-fidelity).

    The 2048 pooled features, and the 1008 logits without bias for the Inception score.
    With the published weights, checked by sha256, the Fréchet distance in these features is the FID.
    """

    paper = "Heusel et al., 2017, arXiv:1706.08500; Szegedy et al., 2016, arXiv:1512.00567"

    resizes = True
    fallback = "efficientnet-lite0"

    weights: str = option("", "file with other weights, in the published format")

    def problem(self, data: DataSpec) -> str | None:
        return color_problem(_NAME, data)

    def missing(self, root: Path, cache: Path, log: Callable[[str], None]) -> str | None:
        """Why the weights are neither found nor downloaded, if they are not."""
        try:
            self._weights(cache, log)
        except DataNotFoundError as error:
            return str(error)
        return None

    def prepare(self, context: ExtractorContext) -> FeatureNetwork:
        """Find the weights in the options, the environment or a cache, or download them."""
        file = self._weights(context.cache, context.log)
        network = build_network(read_weights(file.path)).to(context.device)
        usual = FeatureNetwork(
            identity=_NAME if file.standard else f"{_NAME}@{file.sha256[:8]}",
            forward=features_of(network),
            batch_size=64 if context.device.type == "cpu" else 250,
            standard_fid=file.standard,
            info={"weights": str(file.path), "sha256": file.sha256, "resize": _RESIZE},
        )
        if context.device.type != "cpu":
            return usual
        return replace(usual, faster=functools.partial(_arranged, usual, network))

    def diagnose(self, root: Path, cache: Path) -> Iterator[tuple[Level, str]]:
        try:
            file = find_weights(cache)
        except UsageError as error:
            yield "error", str(error)
            return
        if file is not None:
            yield "ok", f"weights in {file.path}"
        else:
            yield "ok", f"weights are missing and will be downloaded to {places(cache)[0].parent}"

    def _weights(self, cache: Path, log: Callable[[str], None]) -> WeightsFile:
        if self.weights:
            return chosen_weights(self.weights)
        return find_weights(cache) or download_weights(cache, _fidelity().URL_INCEPTION_V3, log)


def build_network(state: dict[str, Tensor]) -> nn.Module:
    """torch-fidelity's network with these weights, in evaluation mode.

    Its constructor loads the weights from a path with a loader that unpickles anything, or through
    ``load_state_dict_from_url``. A replacement of the latter returns the checked state. The
    constructor also draws initial weights, which must not change the caller's random state.
    """
    fidelity = _fidelity()
    handed_over = mock.patch.object(fidelity, "load_state_dict_from_url", return_value=state)
    with handed_over, torch.random.fork_rng(devices=[]):
        try:
            network: nn.Module = fidelity.FeatureExtractorInceptionV3(_NAME, list(_FEATURES))
        except RuntimeError as error:  # of load_state_dict: missing names, other shapes
            message = f"these are not the weights of {_NAME}: {first_line(error)}"
            raise UsageError(message) from error
    return network


def _arranged(usual: FeatureNetwork, network: nn.Module) -> FeatureNetwork:
    """On the CPU, twice as fast: channels last, normalization folded, few images at a time."""
    copied: Any = copy.deepcopy(network)
    for layer in copied.modules():
        if isinstance(getattr(layer, "bn", None), nn.BatchNorm2d):
            layer.conv = fuse_conv_bn_eval(layer.conv, layer.bn)
            layer.bn = nn.Identity()
    copied.to(memory_format=torch.channels_last)
    return replace(usual, forward=features_of(copied), batch_size=_FEW_AT_ONCE, faster=None)


def _fidelity() -> Any:
    """torch-fidelity's module with the network; its package imports torchvision."""
    import_torchvision()
    import torch_fidelity.feature_extractor_inceptionv3 as module

    return module
