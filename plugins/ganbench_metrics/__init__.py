"""The metrics that ganbench ships.

The modules of the classes do not import torch, so that their columns can be read without it.
"""

from __future__ import annotations

from typing import Any

from ganbench import hookimpl

_METRICS = {
    "fd": ("fd:FrechetDistance", "Fréchet distance; FID on the standard network"),
    "fd-infinity": (
        "fd:ExtrapolatedDistance",
        "Fréchet distance extrapolated to infinitely many samples",
    ),
    "is": (
        "inception_score:ClassifierScore",
        "Classifier score; Inception score on the standard network",
    ),
    "kid": ("kid:KernelDistance", "Kernel distance (squared MMD), without bias"),
    "prdc": ("prdc:PrecisionRecall", "Precision, recall, density and coverage"),
    "authpct": (
        "memorization:Authenticity",
        "Percentage of samples that do not copy a training sample",
    ),
    "ct": ("memorization:DataCopying", "Test of data copying C_T, against held-out samples"),
    "cmmd": ("cmmd:GaussianDistance", "Squared MMD with a Gaussian kernel, of unit features"),
    "vendi": ("vendi:Vendi", "Effective number of different samples"),
    "clipped-prdc": (
        "prdc:ClippedDensityCoverage",
        "Density and coverage that are robust to outliers",
    ),
    "class-fd": (
        "class_fd:ClassFrechetDistance",
        "Fréchet distance class by class, and the share of samples of the right class",
    ),
    "pairs": ("pairs:PairedImages", "L1, PSNR and SSIM of translated images"),
    "modes": ("modes:LostModes", "Modes of a mixture that the samples reach"),
}

#: Name -> other words that people say for it.
_ALIASES = {
    "fd": ("fid", "frechet", "frechet-distance"),
    "is": ("inception-score", "classifier-score"),
    "kid": ("mmd", "kernel-distance"),
    "prdc": ("precision", "recall", "density", "coverage", "precision-recall"),
    "authpct": ("authenticity",),
    "ct": ("copying", "memorization"),
    "pairs": ("psnr", "ssim", "lpips", "l1"),
    "class-fd": ("intra-fid", "class-fid"),
}


@hookimpl
def ganbench_metrics(register: Any) -> None:
    """Provide the metrics; their modules are imported on first use."""
    for name, (target, summary) in _METRICS.items():
        register(
            name, f"ganbench_metrics.{target}", summary=summary, aliases=_ALIASES.get(name, ())
        )
