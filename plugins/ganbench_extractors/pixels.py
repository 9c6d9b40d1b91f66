"""Samples as their own features."""

from __future__ import annotations

import math

import torch

from ganbench import DataSpec, Extractor, ExtractorContext, FeatureNetwork, Features

_MOST = 4096  # features; the covariance of more takes minutes to decompose at every evaluation


class Pixels(Extractor):
    """Every sample flattened: images as values in [0, 1], points as they are. No logits."""

    def problem(self, data: DataSpec) -> str | None:
        """Large images have too many pixels for a covariance matrix."""
        count = math.prod(data.shape)
        if count <= _MOST:
            return None
        return (
            f"{data} have {count:,} values, more than the {_MOST:,} whose covariance is practical; "
            "use inception-v3-compat or small-cnn, or a smaller size"
        )

    def prepare(self, context: ExtractorContext) -> FeatureNetwork:
        return FeatureNetwork("pixels", _flatten, batch_size=1024)


def _flatten(samples: torch.Tensor) -> Features:
    """(b, c, h, w) uint8 or float32 to (b, c·h·w) float32."""
    flat = samples.flatten(1)
    return Features(flat.float() / 255 if flat.dtype == torch.uint8 else flat.float())
