"""The Inception network of the standard FID, as torch-fidelity builds it."""

from __future__ import annotations

import copy
import functools
import pickle
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ganbench import (
    DataSpec,
    Extractor,
    ExtractorContext,
    FeatureNetwork,
    Features,
    Level,
    UsageError,
    option,
)
from ganbench.vision import import_torchvision
from ganbench_extractors.inception_weights import (
    WeightsFile,
    chosen_weights,
    download_weights,
    find_weights,
    places,
)

_NAME = "inception-v3-compat"
_FEATURES = ("2048", "logits_unbiased")
_RESIZE = "bilinear to 299x299 as in TensorFlow 1, without antialiasing"
_FEW_AT_ONCE = 8  # images whose maps stay in a core's cache


class InceptionV3Compat(Extractor):
    """Inception v3 with TensorFlow's weights of 2015-12-05 and its resizing (torch-fidelity).

    The 2048 pooled features, and the 1008 logits without bias of which the Inception score is made.
    With the published weights, checked by sha256, the Fréchet distance in these features is the FID.
    """

    paper = "Heusel et al., 2017, arXiv:1706.08500; Szegedy et al., 2016, arXiv:1512.00567"

    resizes = True

    weights: str = option("", "file with other weights, in the published format")

    def problem(self, data: DataSpec) -> str | None:
        """The network sees grey or colour images."""
        if data.kind != "image":
            return f"{_NAME} looks at images, and these are {data}; use the extractor pixels"
        if data.channels not in (1, 3):
            return (
                f"{_NAME} looks at 1 or 3 channels, not {data.channels}; use the extractor pixels"
            )
        return None

    def prepare(self, context: ExtractorContext) -> FeatureNetwork:
        """Find the weights: in the options, the environment, a cache, or the network."""
        file = self._weights(context)
        network = build_network(read_weights(file.path)).to(context.device)
        usual = FeatureNetwork(
            identity=_NAME if file.standard else f"{_NAME}@{file.sha256[:8]}",
            forward=_forward(network),
            batch_size=64 if context.device.type == "cpu" else 250,
            standard_fid=file.standard,
            info={"weights": str(file.path), "sha256": file.sha256, "resize": _RESIZE},
        )
        if context.device.type != "cpu":
            return usual
        return replace(usual, faster=functools.partial(_arranged, usual, network))

    def diagnose(self, root: Path, cache: Path) -> Iterator[tuple[Level, str]]:
        """Whether the published weights are there."""
        try:
            file = find_weights(cache)
        except UsageError as error:
            yield "error", str(error)
            return
        if file is not None:
            yield "ok", f"weights in {file.path}"
        else:
            yield "ok", f"weights are not there and will be downloaded to {places(cache)[0].parent}"

    def _weights(self, context: ExtractorContext) -> WeightsFile:
        if self.weights:
            return chosen_weights(self.weights)
        found = find_weights(context.cache)
        return found or download_weights(context.cache, _fidelity().URL_INCEPTION_V3, context.log)


def read_weights(path: Path) -> dict[str, Tensor]:
    """A state dict from a file, of which nothing but tensors is unpickled."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd pickles, which fail or turn out not to be odd
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise UsageError(f"{path} holds no weights: {_first_line(error)}") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UsageError(f"{path} holds no weights: it is no state dict")
    return state


def build_network(state: dict[str, Tensor]) -> nn.Module:
    """torch-fidelity's network with these weights, in evaluation mode.

    Its constructor loads the weights by itself, from a path with a loader that unpickles anything,
    or else through ``load_state_dict_from_url``. The latter is replaced while it runs by one
    that hands over the state that has been read and checked already. The constructor draws initial
    weights, too, which must not move the caller's random state.
    """
    fidelity = _fidelity()
    handed_over = mock.patch.object(fidelity, "load_state_dict_from_url", return_value=state)
    with handed_over, torch.random.fork_rng(devices=[]):
        try:
            network: nn.Module = fidelity.FeatureExtractorInceptionV3(_NAME, list(_FEATURES))
        except RuntimeError as error:  # of load_state_dict: missing names, other shapes
            message = f"these are not the weights of {_NAME}: {_first_line(error)}"
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
    return replace(usual, forward=_forward(copied), batch_size=_FEW_AT_ONCE, faster=None)


def _forward(network: nn.Module) -> Any:
    @torch.no_grad()
    def forward(images: Tensor) -> Features:
        """uint8 (b, 1 or 3, h, w) to (b, 2048) features and (b, 1008) logits."""
        colour = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
        return Features(*network(colour))

    return forward


def _fidelity() -> Any:
    """torch-fidelity's module with the network; its package imports torchvision."""
    import_torchvision()
    import torch_fidelity.feature_extractor_inceptionv3 as module

    return module


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
