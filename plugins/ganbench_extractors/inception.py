"""The Inception network of the standard FID, as torch-fidelity builds it."""

from __future__ import annotations

import copy
import functools
import tempfile
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
from ganbench_extractors.arithmetic import Arithmetic, arithmetic_option, named
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
#: Images at once: on the CPU, those whose maps stay in a core's cache; a GPU's take 1.7 GiB.
_AT_ONCE = {"cpu": 8, "cuda": 128}


class InceptionV3Compat(Extractor):
    """Inception v3 with TensorFlow's weights of 2015-12-05 and its resizing (torch-fidelity).

    The 2048 pooled features, and the 1008 logits without bias for the Inception score.
    With the published weights, checked by sha256, the Fréchet distance in these features is the FID;
    not with ``arithmetic=tf32``, whose features differ by some 1e-3.
    """

    paper = "Heusel et al., 2017, arXiv:1706.08500; Szegedy et al., 2016, arXiv:1512.00567"

    resizes = True
    fallback = "efficientnet-lite0"

    weights: str = option("", "file with other weights, in the published format")
    arithmetic: Arithmetic = arithmetic_option()

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
        device, file = context.device, self._weights(context.cache, context.log)
        name = _NAME if file.standard else f"{_NAME}@{file.sha256[:8]}"
        identity = named(name, self.arithmetic, device)
        network = build_network(read_weights(file.path)).to(device)
        usual = FeatureNetwork(
            identity=identity,
            forward=features_of(network),
            batch_size=64,
            standard_fid=file.standard and self.arithmetic == "fp32",
            info={"weights": str(file.path), "sha256": file.sha256, "resize": _RESIZE},
            arithmetic=self.arithmetic,
        )
        arranged = functools.partial(_arranged, usual, network, _AT_ONCE[device.type])
        return replace(usual, faster=arranged)

    def made_up(self, context: ExtractorContext) -> FeatureNetwork:
        """The network with random weights, in the published format."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "made-up.pth"
            torch.save(made_up_weights(), path)
            return replace(self, weights=str(path)).prepare(context)

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


def made_up_weights() -> dict[str, Tensor]:
    """Random weights, scaled so that activations neither vanish nor explode."""
    fidelity = _fidelity()
    with (
        mock.patch.object(fidelity, "load_state_dict_from_url"),
        mock.patch.object(fidelity.FeatureExtractorInceptionV3, "load_state_dict"),
        torch.random.fork_rng(devices=[]),
    ):
        torch.default_generator.manual_seed(0)
        network: nn.Module = fidelity.FeatureExtractorInceptionV3("made-up", ["2048"])
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
    return network.state_dict()


def _arranged(usual: FeatureNetwork, network: nn.Module, at_once: int) -> FeatureNetwork:
    """Channels last, normalization folded: twice as fast on the CPU, where few images go at a time.

    Features differ by less than 1e-6 of their size, as float32's rounding lets them differ anyway.
    """
    copied: Any = copy.deepcopy(network)
    for layer in copied.modules():
        if isinstance(getattr(layer, "bn", None), nn.BatchNorm2d):
            layer.conv = fuse_conv_bn_eval(layer.conv, layer.bn)
            layer.bn = nn.Identity()
    copied.to(memory_format=torch.channels_last)
    return replace(usual, forward=features_of(copied), batch_size=at_once, faster=None)


def _fidelity() -> Any:
    """torch-fidelity's module with the network; its package imports torchvision."""
    import_torchvision()
    import torch_fidelity.feature_extractor_inceptionv3 as module

    return module
