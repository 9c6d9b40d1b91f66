"""Weights of the FID Inception network that nobody trained, in the published format."""

from __future__ import annotations

from pathlib import Path

import torch

from ganbench_extractors.inception import made_up_weights


def write_random_weights(path: Path) -> Path:
    torch.save(made_up_weights(), path)
    return path
