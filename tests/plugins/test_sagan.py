"""SAGAN: where attention stands, what is normalized, and the contract of architectures."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from ganbench import DataSpec
from ganbench.testing import ArchitectureTests
from ganbench_resnet.blocks import SelfAttention
from ganbench_resnet.sagan import SAGAN

SMALL = {"g_width": 8, "d_width": 8, "latent_dim": 8}


class TestSAGAN(ArchitectureTests):
    component = SAGAN(**SMALL)
    data = (DataSpec(1, 8, 8), DataSpec(3, 28, 28))


class TestConditionalSAGAN(ArchitectureTests):
    component = SAGAN(conditional=True, **SMALL)
    data = (DataSpec(1, 8, 8, classes=10),)


def attended_sizes(architecture: SAGAN, size: int) -> list[int]:
    """Sizes of the maps that self-attention sees, the generator's first."""
    seen: list[int] = []
    generator, discriminator = architecture.build(DataSpec(1, size, size))
    for network in (generator, discriminator):
        for module in network.modules():
            if isinstance(module, SelfAttention):
                module.register_forward_hook(lambda _, maps, __: seen.append(maps[0].shape[-1]))
    discriminator(generator(torch.randn(1, 8)))
    return seen


@pytest.mark.parametrize(
    ("size", "expected"), [(8, 4), (16, 8), (28, 14), (32, 16), (48, 24), (64, 32), (128, 64)]
)
def test_attention_stands_at_half_the_images_size(size: int, expected: int) -> None:
    architecture = SAGAN(g_width=1, d_width=1, latent_dim=8)
    assert attended_sizes(architecture, size) == [expected, expected]


def test_attention_can_be_placed_and_left_out() -> None:
    assert attended_sizes(SAGAN(attention=8, **SMALL), 32) == [8, 8]
    assert attended_sizes(SAGAN(attention="none", **SMALL), 32) == []


def test_attention_where_there_is_no_map_is_refused() -> None:
    problem = SAGAN(attention=4, **SMALL).problem(DataSpec(3, 32, 32))
    assert problem is not None
    assert "maps of 8 or 16 pixels" in problem


def test_both_players_are_spectrally_normalized() -> None:
    pair = SAGAN(conditional=True, **SMALL).build(DataSpec(1, 8, 8, classes=3))
    for network in pair:
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                assert is_parametrized(module, "weight"), name
    # The tables of classes' gains and shifts stay as they are, the projection's embedding does not.
    tables = [m for m in pair.generator.modules() if isinstance(m, nn.Embedding)]
    assert not any(map(is_parametrized, tables))
    assert is_parametrized(pair.discriminator.embedding)


def test_it_recommends_two_time_scales() -> None:
    assert SAGAN.recommends["d_lr"] == 4 * SAGAN.recommends["g_lr"]
    assert SAGAN.recommends["d_steps"] == 1
