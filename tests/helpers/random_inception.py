"""Weights of the FID Inception network that nobody trained, in the published format."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import torch
from torch import nn

from ganbench_extractors import inception


def write_random_weights(path: Path) -> Path:
    """Scaled so that activations neither vanish nor explode; the constructor loads none by itself."""
    module = inception._fidelity()
    with (
        mock.patch.object(module, "load_state_dict_from_url"),
        mock.patch.object(module.FeatureExtractorInceptionV3, "load_state_dict"),
        torch.random.fork_rng(devices=[]),
    ):
        torch.manual_seed(0)
        network: nn.Module = module.FeatureExtractorInceptionV3("random", ["2048"])
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
    torch.save(network.state_dict(), path)
    return path
