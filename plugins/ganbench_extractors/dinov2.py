"""DINOv2 features, as dgm-eval prepares images for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import torch
from torch import nn

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
from ganbench_extractors.arithmetic import Arithmetic, arithmetic_option
from ganbench_extractors.color import IMAGENET, Preparation, color_problem
from ganbench_extractors.transformer_features import transformer_features
from ganbench_extractors.vision_transformer import SHAPES, VisionTransformer
from ganbench_extractors.weight_files import read_weights, with_weights

ENVIRONMENT = "GANBENCH_DINOV2"
_SIDE = 224


class DinoV2(Extractor):
    """The class token of DINOv2, a vision transformer that was trained without labels.

    Its distances agree better with people's judgment than those of Inception (Stein et al. 2023).
    Images are prepared as in dgm-eval, the code of that study: resized to 224 pixels a side with
    Pillow's bicubic filter, antialiased, and normalized by ImageNet's mean and deviation. The model
    is vitl14 there too. torch-fidelity resizes in another way, so its distances do not compare.

    It looks for the published weights, dinov2_<model>_pretrain.pth, in $GANBENCH_DINOV2 (a file or
    a folder), in the cache and in torch.hub's cache. It does not download them, because no sha256 is
    published to check them. The sha256 of the file is part of the identity.
    """

    resizes = True

    paper = "Oquab et al., 2023, arXiv:2304.07193; Stein et al., 2023, arXiv:2306.04675"

    model: Literal["vits14", "vitb14", "vitl14", "vitg14"] = option("vitl14", "the network's size")
    weights: str = option("", "file with the weights")
    arithmetic: Arithmetic = arithmetic_option()

    def problem(self, data: DataSpec) -> str | None:
        return color_problem("dinov2", data)

    def prepare(self, context: ExtractorContext) -> FeatureNetwork:
        """Find the weights: in the options, the environment, or a cache."""
        path = self._find(context.cache)
        if path is None:
            raise DataNotFoundError(self._missing(context.cache))
        return transformer_features(
            f"dinov2-{self.model}",
            build_network(self.model, path),
            path,
            Preparation(_SIDE, IMAGENET, context.device),
            self.arithmetic,
            context,
        )

    def diagnose(self, root: Path, cache: Path) -> Iterator[tuple[Level, str]]:
        try:
            path = self._find(cache)
        except UsageError as error:
            yield "error", str(error)
            return
        yield "ok", f"weights in {path}" if path else f"no weights found: {self._address}"

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
                raise DataNotFoundError(f"dinov2[weights={path}]: this file does not exist")
            return path
        return next((path for path in self._places(cache) if path.is_file()), None)

    def _places(self, cache: Path) -> list[Path]:
        folders = (cache, Path(torch.hub.get_dir()) / "checkpoints")
        return [folder.absolute() / self._file_name for folder in folders]

    def _missing(self, cache: Path) -> str:
        return (
            f"the weights of dinov2[model={self.model}] are missing; download {self._address} to "
            f"{self._places(cache)[0].parent}, name the file in {ENVIRONMENT} or "
            "dinov2[weights=…], or use another extractor, such as inception-v3-compat"
        )


def build_network(model: str, path: Path) -> nn.Module:
    """A transformer with the weights of a file, in evaluation mode.

    :raises UsageError: if the file holds no weights, or those of another model.
    """
    with torch.device("meta"):
        transformer = VisionTransformer(SHAPES[model])
    return with_weights(transformer, read_weights(path), path, f"DINOv2's {model}")
