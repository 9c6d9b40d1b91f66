"""What the vision transformers share: features of images that Pillow's bicubic filter resizes."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from ganbench import ExtractorContext, FeatureNetwork
from ganbench.base.files import sha256_of
from ganbench_extractors.arithmetic import Arithmetic, named
from ganbench_extractors.color import Preparation, features_of, seen_in_color
from ganbench_extractors.resizing import BICUBIC


def transformer_features(
    name: str,
    network: nn.Module,
    weights: Path,
    preparation: Preparation,
    arithmetic: Arithmetic,
    context: ExtractorContext,
) -> FeatureNetwork:
    """The features of a transformer; the sha256 of its weights is part of the identity.

    :param name: of the network, before what the identity adds.
    :param weights: the file that they came from.
    :raises UsageError: for an arithmetic that the device lacks.
    """
    digest, device = sha256_of(weights), context.device
    prepared = FeatureNetwork(
        identity=named(f"{name}-bicubic@{digest[:8]}", arithmetic, device),
        forward=features_of(network.to(device), preparation),
        batch_size=16 if device.type == "cpu" else 128,
        info={
            "weights": str(weights),
            "sha256": digest,
            "resize": BICUBIC.format(preparation.side),
        },
        arithmetic=arithmetic,
    )
    return seen_in_color(prepared, context)
