"""CLIP features: the image tower of a network that was trained on images with their captions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

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
from ganbench.base.vision import import_torchvision
from ganbench_extractors.arithmetic import Arithmetic, arithmetic_option
from ganbench_extractors.clip_weights import read_tower
from ganbench_extractors.color import CLIP, Preparation, color_problem
from ganbench_extractors.transformer_features import transformer_features
from ganbench_extractors.weight_files import with_weights

ENVIRONMENT = "GANBENCH_CLIP"


class Tower(NamedTuple):
    """The shape of an image tower, and where its weights are published.

    :ivar side: pixels a side.
    :ivar outputs: length of the features.
    :ivar file: in OpenAI's place; ``face`` is the repository on Hugging Face.
    """

    side: int
    patch: int
    width: int
    layers: int
    outputs: int
    file: str
    face: str


TOWERS = {
    "vit-b-32": Tower(224, 32, 768, 12, 512, "ViT-B-32", "openai/clip-vit-base-patch32"),
    "vit-b-16": Tower(224, 16, 768, 12, 512, "ViT-B-16", "openai/clip-vit-base-patch16"),
    "vit-l-14": Tower(224, 14, 1024, 24, 768, "ViT-L-14", "openai/clip-vit-large-patch14"),
    "vit-l-14-336": Tower(
        336, 14, 1024, 24, 768, "ViT-L-14-336px", "openai/clip-vit-large-patch14-336"
    ),
}


class Clip(Extractor):
    """The image embedding of CLIP, before it is scaled to length 1 (torch-fidelity's network).

    Images are resized to the network's size with Pillow's bicubic filter, antialiased, and not
    cropped, as for CMMD (Jayasumana et al. 2024), which takes vit-l-14-336. torch-fidelity resizes in
    another way, so its distances do not compare.

    Weights come from a local file, in $GANBENCH_CLIP (a file or a folder), in the cache, or in
    ``weights``: OpenAI's ``.pt`` file, or a safetensors file or state dict of open_clip or Hugging Face
    with the image tower. The sha256 of the file is part of the identity.
    """

    resizes = True

    paper = "Radford et al., 2021, arXiv:2103.00020; Jayasumana et al., 2024, arXiv:2401.09603"

    model: Literal["vit-b-32", "vit-b-16", "vit-l-14", "vit-l-14-336"] = option(
        "vit-b-32", "the network's size"
    )
    weights: str = option("", "file with the weights")
    activation: Literal["quick-gelu", "gelu"] = option(
        "quick-gelu", "quick-gelu for OpenAI's weights; gelu for most of LAION's"
    )
    arithmetic: Arithmetic = arithmetic_option()

    def problem(self, data: DataSpec) -> str | None:
        return color_problem("clip", data)

    def prepare(self, context: ExtractorContext) -> FeatureNetwork:
        """Find the weights: in the options, the environment, or the cache."""
        path = self._find(context.cache)
        if path is None:
            raise DataNotFoundError(self._missing(context.cache))
        kind = "" if self.activation == "quick-gelu" else f"-{self.activation}"
        return transformer_features(
            f"clip-{self.model}{kind}",
            build_network(self.model, path, self.activation),
            path,
            Preparation(TOWERS[self.model].side, CLIP, context.device),
            self.arithmetic,
            context,
        )

    def diagnose(self, root: Path, cache: Path) -> Iterator[tuple[Level, str]]:
        try:
            path = self._find(cache)
        except UsageError as error:
            yield "error", str(error)
            return
        yield "ok", f"weights in {path}" if path else self._missing(cache)

    def _find(self, cache: Path) -> Path | None:
        given = self.weights or os.environ.get(ENVIRONMENT, "")
        if not given:
            return next((place for place in self._places(cache) if place.is_file()), None)
        path = Path(given).expanduser().absolute()
        if path.is_dir():
            found = next((place for place in self._places(path) if place.is_file()), None)
            if found is None:
                known = " or ".join(place.name for place in self._places(path))
                raise DataNotFoundError(f"clip[model={self.model}]: {path} has no {known}")
            return found
        if not path.is_file():
            raise DataNotFoundError(f"clip[weights={path}]: this file does not exist")
        return path

    def _places(self, folder: Path) -> list[Path]:
        names = (f"clip-{self.model}.safetensors", f"{TOWERS[self.model].file}.pt")
        return [folder.absolute() / name for name in names]

    def _missing(self, cache: Path) -> str:
        tower = TOWERS[self.model]
        first, second = self._places(cache)
        return (
            f"the weights of clip[model={self.model}] are missing; put model.safetensors of "
            f"{tower.face} (Hugging Face) at {first}, or OpenAI's {tower.file}.pt at {second}, or name "
            f"a file in {ENVIRONMENT} or clip[weights=…], or use another extractor, such as "
            "efficientnet-lite0"
        )


def build_network(model: str, path: Path, activation: str = "quick-gelu") -> nn.Module:
    """An image tower with the weights of a file, in evaluation mode.

    :raises UsageError: if the file holds no weights, or those of another model.
    """
    network = new_tower(model, activation)
    return with_weights(network, read_tower(path), path, f"CLIP's {model}")


def new_tower(model: str, activation: str = "quick-gelu") -> nn.Module:
    """An image tower without weights."""
    import_torchvision()  # torch-fidelity's module imports it
    from torch_fidelity.feature_extractor_clip import VisionTransformer

    tower = TOWERS[model]
    heads = tower.width // 64
    with torch.device("meta"):
        network: Any = VisionTransformer(
            tower.side, tower.patch, tower.width, tower.layers, heads, tower.outputs
        )
    if activation == "gelu":
        for block in network.transformer.resblocks:
            block.mlp.gelu = nn.GELU()
    result: nn.Module = network
    return result
