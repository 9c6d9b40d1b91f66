"""DINOv2 features, as torch-fidelity prepares images for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import torch
from torch import Tensor, nn

from ganbench import (
    DataNotFoundError,
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
from ganbench_extractors.inception import read_weights
from ganbench_extractors.inception_weights import sha256_of
from ganbench_extractors.vision_transformer import SHAPES, VisionTransformer

ENVIRONMENT = "GANBENCH_DINOV2"
_RESIZE = "bilinear to 224x224 as in TensorFlow 1, without antialiasing (torch-fidelity)"


class DinoV2(Extractor):
    """The class token of DINOv2, a vision transformer that was trained without labels.

    Its distances agree better with people's judgement than those of Inception (Stein et al. 2023).
    Images are resized as torch-fidelity does it, bilinearly as in TensorFlow 1 without antialiasing,
    where dgm-eval takes Pillow's bicubic filter: values do not compare with those of dgm-eval.

    The published weights, dinov2_<model>_pretrain.pth, are looked for in $GANBENCH_DINOV2 (a file or
    a folder), in the cache and in torch.hub's; they are not downloaded, since there is no published
    sha256 to check them by. Their own is part of the identity.
    """

    resizes = True

    paper = "Oquab et al., 2023, arXiv:2304.07193; Stein et al., 2023, arXiv:2306.04675"

    model: Literal["vits14", "vitb14", "vitl14", "vitg14"] = option("vitl14", "the network's size")
    weights: str = option("", "file with the weights")

    def problem(self, data: DataSpec) -> str | None:
        """The network sees grey or colour images."""
        if data.kind != "image":
            return f"dinov2 looks at images, and these are {data}; use the extractor pixels"
        if data.channels not in (1, 3):
            return f"dinov2 looks at 1 or 3 channels, not {data.channels}; use the extractor pixels"
        return None

    def prepare(self, context: ExtractorContext) -> FeatureNetwork:
        """Find the weights: in the options, the environment, or a cache."""
        path = self._find(context.cache)
        if path is None:
            raise DataNotFoundError(self._missing(context.cache))
        digest = sha256_of(path)
        network = build_network(self.model, path).to(context.device)
        return FeatureNetwork(
            identity=f"dinov2-{self.model}@{digest[:8]}",
            forward=_forward(network),
            batch_size=16 if context.device.type == "cpu" else 128,
            info={"weights": str(path), "sha256": digest, "resize": _RESIZE},
        )

    def diagnose(self, root: Path, cache: Path) -> Iterator[tuple[Level, str]]:
        """Whether the published weights are there."""
        try:
            path = self._find(cache)
        except UsageError as error:
            yield "error", str(error)
            return
        yield "ok", f"weights in {path}" if path else f"weights are not there: {self._address}"

    @property
    def _file_name(self) -> str:
        return f"dinov2_{self.model}_pretrain.pth"

    @property
    def _address(self) -> str:
        base = "https://dl.fbaipublicfiles.com/dinov2"
        return f"{base}/dinov2_{self.model}/{self._file_name}"

    def _find(self, cache: Path) -> Path | None:
        named = self.weights or os.environ.get(ENVIRONMENT, "")
        if named:
            path = Path(named).expanduser().absolute()
            path = path / self._file_name if path.is_dir() else path
            if not path.is_file():
                raise DataNotFoundError(f"there is no file {path} with weights for dinov2")
            return path
        return next((path for path in self._places(cache) if path.is_file()), None)

    def _places(self, cache: Path) -> list[Path]:
        folders = (cache, Path(torch.hub.get_dir()) / "checkpoints")
        return [folder.absolute() / self._file_name for folder in folders]

    def _missing(self, cache: Path) -> str:
        return (
            f"the weights of dinov2[model={self.model}] are not there; download {self._address} to "
            f"{self._places(cache)[0].parent}, name the file in {ENVIRONMENT} or "
            "dinov2[weights=…], or use another extractor, such as inception-v3-compat"
        )


def build_network(model: str, path: Path) -> nn.Module:
    """torch-fidelity's extractor around a transformer with these weights, in evaluation mode.

    torch-fidelity has torch.hub fetch the authors' code and weights and run the former. Here it is
    handed a network of our own with weights of which nothing but tensors is unpickled.
    """
    with torch.device("meta"):
        transformer = VisionTransformer(SHAPES[model])
    try:
        transformer.load_state_dict(read_weights(path), assign=True)
    except RuntimeError as error:  # missing names, other shapes
        first = str(error).strip().splitlines()[0]
        raise UsageError(f"{path} holds no weights of DINOv2's {model}: {first}") from error
    import_torchvision()
    from torch_fidelity import feature_extractor_dinov2 as module

    name = f"dinov2-{model[:3]}-{model[3]}-{model[4:]}"
    handed_over = mock.patch.object(torch.hub, "load", return_value=transformer)
    with handed_over, mock.patch.dict(os.environ):  # of which its constructor sets a variable
        network: nn.Module = module.FeatureExtractorDinoV2(name, ["dinov2"])
    return network


def _forward(network: nn.Module) -> Callable[[Tensor], Features]:
    @torch.no_grad()
    def forward(images: Tensor) -> Features:
        """uint8 (b, 1 or 3, h, w) to (b, width) features."""
        colour = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images
        answer: Any = network(colour)
        return Features(answer[0])

    return forward
