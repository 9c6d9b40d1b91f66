"""DINOv2 features: the network's parts beside plain formulas, and what is said without weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

import ganbench as gb
from ganbench.testing import ExtractorTests
from ganbench_extractors import dinov2
from ganbench_extractors.vision_transformer import SHAPES, Shape, VisionTransformer

SMALL = Shape(32, 2, 4)


def transformer(shape: Shape, seed: int = 0) -> VisionTransformer:
    network = VisionTransformer(shape).eval().requires_grad_(False)
    random = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=random) * 0.2)
    return network


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A file for a network of the smallest published name, but tiny."""
    monkeypatch.setitem(SHAPES, "vits14", SMALL)
    path = tmp_path / "dinov2_vits14_pretrain.pth"
    torch.save(transformer(SMALL).state_dict(), path)
    return path


@pytest.fixture(autouse=True)
def _nothing_from_outside(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv(dinov2.ENVIRONMENT, raising=False)


def context(cache: Path) -> gb.ExtractorContext:
    def load(split):
        raise AssertionError("the network needs no data")

    cpu = torch.device("cpu")
    return gb.ExtractorContext(gb.DataSpec(3, 32, 32), load, "key", cache, cpu, lambda line: None)


def test_the_published_sizes_have_their_numbers_of_parameters():
    """21, 86, 300 and 1,100 million, as the paper tells them."""
    millions = {}
    for name, shape in SHAPES.items():
        with torch.device("meta"):
            network = VisionTransformer(shape)
        millions[name] = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert millions == {
        "vits14": pytest.approx(22.06, abs=0.01),
        "vitb14": pytest.approx(86.58, abs=0.01),
        "vitl14": pytest.approx(304.37, abs=0.01),
        "vitg14": pytest.approx(1136.48, abs=0.01),
    }


@pytest.mark.parametrize("gated", [False, True])
def test_the_network_is_a_plain_transformer_with_scaled_branches(gated):
    """Against torch's own attention; the position codes are those learned, at 37 patches a side."""
    shape = Shape(32, 1, 4, gated)
    network = transformer(shape)
    (block,) = network.blocks
    images = torch.randn(2, 3, 518, 518, generator=torch.Generator().manual_seed(1))
    patches = F.conv2d(images, network.patch_embed.proj.weight, network.patch_embed.proj.bias, 14)
    tokens = torch.cat([network.cls_token.expand(2, 1, 32), patches.flatten(2).mT], 1)
    tokens = tokens + network.pos_embed
    attention = nn.MultiheadAttention(32, 4, batch_first=True)
    attention.load_state_dict(
        {
            "in_proj_weight": block.attn.qkv.weight,
            "in_proj_bias": block.attn.qkv.bias,
            "out_proj.weight": block.attn.proj.weight,
            "out_proj.bias": block.attn.proj.bias,
        }
    )
    normed = block.norm1(tokens)
    tokens = tokens + block.ls1.gamma * attention(normed, normed, normed)[0]
    inner = block.norm2(tokens)
    if gated:
        gate, value = block.mlp.w12(inner).chunk(2, -1)
        inner = block.mlp.w3(gate * gate.sigmoid() * value)
    else:
        inner = block.mlp.fc2(F.gelu(block.mlp.fc1(inner)))
    expected = network.norm(tokens + block.ls2.gamma * inner)[:, 0]
    assert torch.allclose(network(images), expected, atol=1e-4)


def test_position_codes_are_interpolated_to_the_patches_there_are():
    network = transformer(SMALL)
    codes = network._positions(16, 16)
    assert codes.shape == (1, 1 + 256, 32)
    assert torch.equal(codes[:, 0], network.pos_embed[:, 0])
    rows = torch.arange(37.0).view(1, 37, 1, 1).expand(1, 37, 37, 32)
    network.pos_embed[:, 1:] = rows.reshape(1, -1, 32)
    grid = network._positions(16, 16)[0, 1:, 0].view(16, 16)
    assert torch.allclose(grid, grid[:, :1].expand(16, 16), atol=1e-4)
    assert ((grid[1:] - grid[:-1])[2:-2] - 37 / 16.1).abs().max() < 0.15  # bicubic bends a line


class TestContract(ExtractorTests):
    data = (gb.DataSpec(1, 8, 8), gb.DataSpec(3, 32, 32))

    @pytest.fixture(autouse=True)
    def _choose(self, weights):
        self.component = gb.get("extractor", f'dinov2[model=vits14,weights="{weights}"]')


def test_images_are_prepared_as_dgm_eval_does(weights, tmp_path):
    """Pillow's bicubic filter on 8-bit images, then ImageNet's mean and deviation."""
    component = gb.get("extractor", f'dinov2[model=vits14,weights="{weights}"]')
    network = component.prepare(context(tmp_path))
    random = torch.Generator().manual_seed(2)
    images = torch.randint(256, (2, 3, 32, 32), generator=random, dtype=torch.uint8)
    pictures = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]
    resized = [p.resize((224, 224), Image.Resampling.BICUBIC) for p in pictures]
    values = torch.stack([torch.from_numpy(np.array(p)).permute(2, 0, 1) for p in resized]) / 255
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    expected = transformer(SMALL)((values - mean) / std)
    features, logits = network.forward(images)
    assert torch.allclose(features, expected, atol=1e-2)
    assert logits is None
    assert features.shape == (2, 32)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert network.identity == f"dinov2-vits14-bicubic@{digest[:8]}"
    assert "224x224" in network.info["resize"]
    grey = images[:, :1, ::7, ::7]
    assert torch.equal(
        network.forward(grey).features, network.forward(grey.repeat(1, 3, 1, 1)).features
    )


@pytest.mark.parametrize("place", ["cache", "hub", "environment"])
def test_weights_are_found_wherever_they_lie(place, weights, tmp_path, monkeypatch):
    folder = {"hub": tmp_path / "torch" / "hub" / "checkpoints"}.get(place, tmp_path / "cache")
    folder.mkdir(parents=True)
    moved = weights.rename(folder / weights.name)
    if place == "environment":
        monkeypatch.setenv(dinov2.ENVIRONMENT, str(folder))
    cache = tmp_path / ("elsewhere" if place == "environment" else "cache")
    network = gb.get("extractor", "dinov2[model=vits14]").prepare(context(cache))
    assert network.info["weights"] == str(moved)


def test_without_weights_it_is_said_what_to_put_where(tmp_path):
    with pytest.raises(gb.DataNotFoundError) as caught:
        gb.get("extractor", "dinov2").prepare(context(tmp_path))
    message = str(caught.value)
    assert "dinov2_vitl14/dinov2_vitl14_pretrain.pth" in message
    assert str(tmp_path) in message
    assert "\n" not in message
    with pytest.raises(gb.DataNotFoundError, match="this file does not exist"):
        gb.get("extractor", 'dinov2[weights="nothing.pth"]').prepare(context(tmp_path))


def test_other_weights_are_refused(tmp_path, weights):
    with pytest.raises(gb.UsageError, match="does not hold the weights of DINOv2's vitb14"):
        gb.get("extractor", f'dinov2[model=vitb14,weights="{weights}"]').prepare(context(tmp_path))


def test_it_looks_at_images_only():
    extractor = gb.get("extractor", "dinov2")
    assert extractor.problem(gb.DataSpec(1, 8, 8)) is None
    assert extractor.problem(gb.DataSpec(4, 8, 8)) is None
    assert "pixels" in extractor.problem(gb.DataSpec(2, 1, 1, kind="points"))
