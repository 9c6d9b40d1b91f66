"""Exact sizes of the residual designs: the published ones, and a general rule by layer arithmetic."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from ganbench import Architecture, DataSpec
from ganbench_resnet import layers
from ganbench_resnet.biggan import BigGAN
from ganbench_resnet.blocks import DownBlock, UpBlock
from ganbench_resnet.plans import sngan_plan
from ganbench_resnet.sagan import SAGAN
from ganbench_resnet.sngan import SNGAN


def counts(architecture: Architecture, data: DataSpec) -> tuple[int, int]:
    """Trainable parameters of both players."""
    networks = architecture.build(data)
    generator, discriminator = (sum(p.numel() for p in n.parameters()) for n in networks)
    return generator, discriminator


@pytest.mark.parametrize(
    ("architecture", "data", "published"),
    [
        (SNGAN(), DataSpec(3, 32, 32), (4_276_739, 1_053_825)),
        (SNGAN(d_norm="none"), DataSpec(3, 32, 32), (4_276_739, 1_053_825)),
        (SNGAN(conditional=True), DataSpec(3, 32, 32, 10), (4_304_387, 1_055_105)),
        (SAGAN(conditional=True), DataSpec(3, 32, 32, 10), (4_386_308, 1_075_586)),
        (BigGAN(), DataSpec(3, 32, 32, 10), (9_416_196, 2_415_170)),
    ],
)
def test_published_numbers_of_parameters(
    architecture: Architecture, data: DataSpec, published: tuple[int, int]
) -> None:
    assert counts(architecture, data) == published


@pytest.mark.parametrize(
    ("architecture", "published"),
    [
        (SAGAN(conditional=True), (42_017_412, 39_448_258)),
        (BigGAN(), (70_433_988, 87_982_370)),
    ],
)
def test_published_numbers_of_parameters_for_imagenet(
    architecture: Architecture, published: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without memory, and without spectral norm: it has no parameters, and is slow without memory."""
    monkeypatch.setattr(layers, "spectral_norm", lambda layer: layer)
    with torch.device("meta"):
        assert counts(architecture, DataSpec(3, 128, 128, 1000)) == published


def test_networks_can_be_built_without_memory() -> None:
    with torch.device("meta"):
        generator, discriminator = BigGAN(width=2, latent_dim=8).build(DataSpec(1, 8, 8, 3))
        labels = torch.zeros(2, dtype=torch.int64)
        images = generator(torch.randn(2, 8), labels)
        assert discriminator(images, labels).logits.shape == (2,)


def affine(inputs: int, outputs: int, taps: int = 1) -> int:
    return (inputs * taps + 1) * outputs


def attention(channels: int) -> int:
    return channels * (channels // 8 * 2 + channels // 2 * 2) + 1


def up(inputs: int, outputs: int) -> int:
    """A generator's block without its norms."""
    return affine(inputs, outputs, 9) + affine(outputs, outputs, 9) + affine(inputs, outputs)


def down(inputs: int, outputs: int, *, wide: bool, halved: bool) -> int:
    hidden = outputs if wide else inputs
    shortcut = affine(inputs, outputs) if halved or inputs != outputs else 0
    return affine(inputs, hidden, 9) + affine(hidden, outputs, 9) + shortcut


def normed(widths: list[int]) -> int:
    """Channels that the blocks of a generator normalize."""
    return sum(inputs + outputs for inputs, outputs in pairwise(widths))


def critic(channels: int, widths: list[int], halvings: int, classes: int, *, wide: bool) -> int:
    total = down(channels, widths[0], wide=True, halved=True)
    for number, (inputs, outputs) in enumerate(pairwise(widths), start=1):
        total += down(inputs, outputs, wide=wide, halved=number < halvings)
    return total + affine(widths[-1], 1) + classes * widths[-1]


# size: first map, multipliers of the generator's maps, of the discriminator's, its halvings
SNGAN_RULE = {
    8: (4, [1, 1], [1, 1, 1, 1], 1),
    13: (7, [1, 1], [1, 1, 1, 1], 1),
    28: (7, [1, 1, 1], [1, 1, 1, 1], 2),
    31: (4, [1, 1, 1, 1], [1, 1, 1, 1], 2),
    48: (6, [8, 4, 2, 1], [1, 2, 4, 8, 16], 4),
    56: (7, [8, 4, 2, 1], [1, 2, 4, 8], 3),
    64: (4, [16, 8, 4, 2, 1], [1, 2, 4, 8, 16], 4),
    128: (4, [16, 16, 8, 4, 2, 1], [1, 2, 4, 8, 16, 16], 5),
    256: (4, [16, 16, 16, 8, 4, 2, 1], [1, 2, 4, 8, 16, 16, 16], 6),
}


@pytest.mark.parametrize("size", SNGAN_RULE)
@pytest.mark.parametrize(("channels", "classes"), [(1, 0), (3, 7)])
def test_sngans_parameters_follow_from_its_layers(size: int, channels: int, classes: int) -> None:
    base, g_multipliers, d_multipliers, halvings = SNGAN_RULE[size]
    g = [6 * multiplier for multiplier in g_multipliers]
    d = [5 * multiplier for multiplier in d_multipliers]
    generator = (
        affine(9, g[0] * base**2)
        + sum(up(inputs, outputs) for inputs, outputs in pairwise(g))
        + 2 * max(classes, 1) * normed(g)
        + 2 * g[-1]
        + affine(g[-1], channels, 9)
    )
    architecture = SNGAN(conditional=classes > 0, latent_dim=9, g_width=6, d_width=5)
    expected = generator, critic(channels, d, halvings, classes, wide=False)
    assert counts(architecture, DataSpec(channels, size, size, classes)) == expected


@pytest.mark.parametrize(
    ("size", "g_place", "d_place"),
    [(8, 0, 0), (28, 1, 0), (48, 2, 0), (64, 3, 0), (128, 4, 0), (256, 4, 1)],
)
def test_sagans_parameters_follow_from_its_layers(size: int, g_place: int, d_place: int) -> None:
    """The generator's are those of SNGAN and self-attention."""
    _, g_multipliers, d_multipliers, halvings = SNGAN_RULE[size]
    data, options = DataSpec(3, size, size, 4), {"conditional": True, "g_width": 8, "d_width": 8}
    generator, discriminator = counts(SAGAN(**options), data)
    assert generator == counts(SNGAN(**options), data)[0] + attention(8 * g_multipliers[g_place])
    d = [8 * multiplier for multiplier in d_multipliers]
    expected = critic(3, d, halvings, 4, wide=True) + attention(d[d_place])
    assert discriminator == expected
    smaller = counts(SAGAN(attention="none", **options), data)
    assert smaller == (counts(SNGAN(**options), data)[0], critic(3, d, halvings, 4, wide=True))


BIGGAN_RULE = {
    16: (4, [4, 4, 4], [2, 2, 2, 2], 2),
    28: (7, [4, 4, 4], [2, 2, 2, 2], 2),
    64: (4, [16, 16, 8, 4, 2], [1, 2, 4, 8, 16], 4),
    128: (4, [16, 16, 8, 4, 2, 1], [1, 2, 4, 8, 16, 16], 5),
    256: (4, [16, 16, 8, 8, 4, 2, 1], [1, 2, 4, 8, 8, 16, 16], 6),
    512: (4, [16, 16, 8, 8, 4, 2, 1, 1], [1, 1, 2, 4, 8, 8, 16, 16], 7),
}


@pytest.mark.parametrize("size", BIGGAN_RULE)
@pytest.mark.parametrize(("channels", "classes"), [(1, 5), (3, 20)])
def test_biggans_parameters_follow_from_its_layers(size: int, channels: int, classes: int) -> None:
    base, g_multipliers, d_multipliers, halvings = BIGGAN_RULE[size]
    g = [8 * multiplier for multiplier in g_multipliers]
    d = [8 * multiplier for multiplier in d_multipliers]
    chunk = 3
    latent_dim = chunk * len(g) + 2  # of which 2 are left for the first layer
    attended = min(64, size // 2)
    places = [base << step for step in range(len(g))].index(attended), size // attended // 2 - 1
    if size > 128:
        places = places[0], {256: 1, 512: 2}[size]
    generator = (
        affine(chunk + 2, g[0] * base**2)
        + sum(up(inputs, outputs) for inputs, outputs in pairwise(g))
        + 2 * (11 + chunk) * normed(g)
        + 11 * classes
        + 2 * g[-1]
        + affine(g[-1], channels, 9)
        + attention(g[places[0]])
    )
    discriminator = critic(channels, d, halvings, classes, wide=True) + attention(d[places[1]])
    architecture = BigGAN(width=8, latent_dim=latent_dim, shared_dim=11)
    data = DataSpec(channels, size, size, classes)
    assert counts(architecture, data) == (generator, discriminator)


def test_every_size_is_covered_by_the_smallest_map_of_4_to_7_pixels() -> None:
    grids = [base * 2**doublings for base in (4, 5, 6, 7) for doublings in range(1, 8)]
    for size in range(8, 513):
        plan = sngan_plan((size, size), 1, 1)
        assert plan.grid == min(grid for grid in grids if grid >= size)
        assert [sum(margin) for margin in plan.margins] == [plan.grid - size] * 2


def modules(network: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, kind)]


def test_the_maps_have_the_sizes_of_the_plan() -> None:
    """The tables in the papers give them for every block."""
    seen: list[int] = []
    data = DataSpec(3, 48, 48)
    generator, discriminator = SNGAN(g_width=2, d_width=2).build(data)
    for network in (generator, discriminator):
        for block in modules(network, UpBlock) + modules(network, DownBlock):
            block.register_forward_hook(lambda _, __, maps: seen.append(maps.shape[-1]))
    discriminator(generator(torch.randn(2, 128)))
    assert seen == [12, 24, 48, 24, 12, 6, 3, 3]
