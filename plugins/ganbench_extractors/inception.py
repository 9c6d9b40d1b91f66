"""The Inception network of the standard FID, as torch-fidelity builds it."""

from __future__ import annotations

import copy
import functools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
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
from ganbench_extractors.color import color_problem, features_of, seen_in_color
from ganbench_extractors.inception_weights import (
    WeightsFile,
    chosen_weights,
    download_weights,
    find_weights,
    places,
)
from ganbench_extractors.resizing import CLEAN, clean
from ganbench_extractors.weight_files import first_line, read_weights

_NAME = "inception-v3-compat"
_FEATURES = ("2048", "logits_unbiased")
_SIDE = 299
_RESIZE = {
    "tensorflow": f"bilinear to {_SIDE}x{_SIDE} as in TensorFlow 1, without antialiasing",
    "clean": CLEAN.format(_SIDE),
}
#: The layers of torch-fidelity's network up to the pooled features.
_LAYERS = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_1"),
    *("Conv2d_3b_1x1", "Conv2d_4a_3x3", "MaxPool_2"),
    *(f"Mixed_{part}" for part in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e")),
    *(f"Mixed_{part}" for part in ("7a", "7b", "7c")),
    "AvgPool",
)
#: Images at once: on the CPU, those whose maps stay in a core's cache; a GPU's take 1.7 GiB.
_AT_ONCE = {"cpu": 8, "cuda": 128}


class InceptionV3Compat(Extractor):
    """Inception v3 with TensorFlow's weights of 2015-12-05 and its resizing (torch-fidelity).

    The 2048 pooled features, and the 1008 logits without bias for the Inception score.
    With the published weights, checked by sha256, the Fréchet distance in these features is the FID;
    not with ``arithmetic=tf32``, whose features differ by some 1e-3, and not with ``resize=clean``,
    which resizes as clean-fid does and gives other distances under another identity.
    """

    paper = (
        "Heusel et al., 2017, arXiv:1706.08500; Szegedy et al., 2016, arXiv:1512.00567; "
        "clean: Parmar, Zhang and Zhu, 2022, arXiv:2104.11222"
    )

    resizes = True
    fallback = "efficientnet-lite0"

    weights: str = option("", "file with other weights, in the published format")
    arithmetic: Arithmetic = arithmetic_option()
    resize: Literal["tensorflow", "clean"] = option(
        "tensorflow", "tensorflow: as the standard FID; clean: with antialiasing, as clean-fid"
    )

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
        name = _NAME if self.resize == "tensorflow" else f"{_NAME}-{self.resize}"
        name = name if file.standard else f"{name}@{file.sha256[:8]}"
        identity = named(name, self.arithmetic, device)
        network = build_network(read_weights(file.path))
        network = (CleanInception(network) if self.resize == "clean" else network).to(device)
        standard = file.standard and self.arithmetic == "fp32" and self.resize == "tensorflow"
        usual = FeatureNetwork(
            identity=identity,
            forward=features_of(network),
            batch_size=64,
            standard_fid=standard,
            info={
                "weights": str(file.path),
                "sha256": file.sha256,
                "resize": _RESIZE[self.resize],
            },
            arithmetic=self.arithmetic,
        )
        arranged = functools.partial(_arranged, usual, network, _AT_ONCE[device.type])
        return seen_in_color(replace(usual, faster=arranged), context)

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


class CleanInception(nn.Module):
    """torch-fidelity's network behind clean-fid's resizing: features and logits without bias.

    The library's own ``forward`` resizes by itself, so the layers are called in its order here.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 (b, 3, h, w) -> (b, 2048) and (b, 1008)."""
        values = (clean(images, _SIDE) - 128) / 128
        for name in _LAYERS:
            values = getattr(self.network, name)(values)
        features = values.flatten(1)
        return features, features @ self.network.fc.weight.T


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
