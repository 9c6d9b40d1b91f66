"""The feature networks on a GPU: they wait for nothing, and their batches can be recorded."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from random_inception import write_random_weights

import ganbench as gb
from ganbench.evaluation.recorded_network import recorded
from ganbench_extractors.vision_transformer import SHAPES, Shape, VisionTransformer

_AT_ONCE = 4
SLOW = ("efficientnet-lite0", "inception", "inception-tf32")


@pytest.fixture
def specs(tmp_path, monkeypatch):
    """Name -> spec, with made-up weights where the network's own are not here."""
    monkeypatch.setitem(SHAPES, "vits14", Shape(24, 2, 3))
    transformer = VisionTransformer(SHAPES["vits14"])
    torch.save(transformer.state_dict(), tmp_path / "dinov2.pth")

    def spec(name):
        if name.startswith("inception"):
            weights = write_random_weights(tmp_path / "inception.pth")
            arithmetic = "tf32" if name.endswith("tf32") else "fp32"
            return f'inception-v3-compat[weights="{weights}",arithmetic={arithmetic}]'
        if name == "dinov2":
            return f'dinov2[model=vits14,weights="{tmp_path / "dinov2.pth"}"]'
        return name

    return spec


@pytest.mark.parametrize(
    "name",
    [
        *("pixels", "small-cnn", "dinov2"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW),
    ],
)
def test_first_party_networks_wait_for_nothing_and_are_recorded(name, specs, gpu, tmp_path):
    digits = gb.get("dataset", "digits").load("train", tmp_path)
    context = gb.ExtractorContext(
        digits.spec, lambda split: digits, "key", tmp_path, gpu.device, lambda line: None
    )
    network = gb.get("extractor", specs(name)).prepare(context)
    network = network if network.faster is None else network.faster()
    network = dataclasses.replace(network, batch_size=_AT_ONCE)
    images = digits.images[: 4 * _AT_ONCE].to(gpu.device)
    with torch.no_grad():
        network.forward(images[:_AT_ONCE])
        with gpu.watching() as report:
            network.forward(images[:_AT_ONCE])
        assert not report, report
        recording = recorded(network, gpu.device)
        for part in images.split(_AT_ONCE):
            ours, theirs = recording.forward(part), network.forward(part)
            assert torch.equal(ours.features.cpu(), theirs.features.cpu())
            if theirs.logits is not None:
                assert torch.equal(ours.logits.cpu(), theirs.logits.cpu())
    assert recording.forward.records, recording.forward.reason
