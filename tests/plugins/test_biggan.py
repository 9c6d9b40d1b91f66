"""BigGAN: its latents, truncation, standing statistics, and the contract of architectures."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from ganbench import CRITIC_CLASSES, DataSpec, Networks
from ganbench.testing import ArchitectureTests
from ganbench_resnet.biggan import BigGAN
from ganbench_resnet.sampling import STANDING_BATCH, truncated_normal

SMALL = {"width": 2, "latent_dim": 10, "shared_dim": 6}
DATA = DataSpec(1, 16, 16, classes=4)


class TestBigGAN(ArchitectureTests):
    component = BigGAN(**SMALL)
    data = (DataSpec(1, 8, 8, classes=10), DataSpec(3, 28, 28, classes=3))


class TestBigGANWithTheLatentsOfTheSize(ArchitectureTests):
    component = BigGAN(width=2, shared_dim=6, d_skip="rectified")
    data = (DataSpec(1, 8, 8, classes=10), DataSpec(1, 16, 16, classes=3))


@pytest.fixture
def networks() -> Networks:
    torch.manual_seed(0)
    return BigGAN(**SMALL).build(DATA)


def test_a_chunk_of_the_latents_reaches_its_block_alone(networks: Networks) -> None:
    """16 pixels take 2 blocks, so 10 latents are 4 for the first layer and 3 for each block."""
    generator = networks.generator.eval()
    assert generator.chunks == [4, 3, 3]
    seen: list[Tensor] = []
    synthesis = generator.synthesis
    synthesis.first.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    for block in synthesis.blocks:
        block.register_forward_hook(lambda _, inputs, __: seen.append(inputs[1]))
    latents, labels = torch.randn(2, 10), torch.tensor([1, 3])
    generator(latents, labels)
    shared = generator.shared(labels)
    torch.testing.assert_close(seen[0], latents[:, :4])
    torch.testing.assert_close(seen[1], torch.cat([shared, latents[:, 4:7]], dim=1))
    torch.testing.assert_close(seen[2], torch.cat([shared, latents[:, 7:]], dim=1))


def test_a_blocks_chunk_moves_the_map_from_that_block_on(networks: Networks) -> None:
    generator = networks.generator.eval()
    maps: list[Tensor] = []
    for block in generator.synthesis.blocks:
        block.register_forward_hook(lambda _, __, output: maps.append(output))
    latents, labels = torch.randn(2, 10), torch.tensor([1, 3])
    generator(latents, labels)
    latents[:, 7:] += 1
    generator(latents, labels)
    assert torch.equal(maps[0], maps[2])
    assert not torch.allclose(maps[1], maps[3])


def test_all_layers_but_the_shared_embedding_are_spectrally_normalized(networks: Networks) -> None:
    for network in networks:
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.Embedding):
                assert is_parametrized(module) == (name != "shared"), name


@pytest.mark.parametrize("truncation", [0.04, 0.5, 1.0, 2.0, 8.0])
def test_truncated_latents_follow_the_truncated_normal_distribution(truncation: float) -> None:
    latents = torch.randn(50_000, generator=torch.Generator().manual_seed(0))
    truncated = truncated_normal(latents, truncation)
    assert truncated.dtype == latents.dtype
    assert truncated.isfinite().all()
    assert truncated.abs().max() <= truncation
    assert (truncated[latents.argsort()].diff() >= 0).all()  # quantiles are kept
    density = math.exp(-(truncation**2) / 2) / math.sqrt(2 * math.pi)
    mass = math.erf(truncation / math.sqrt(2))
    assert truncated.mean().item() == pytest.approx(0, abs=0.02 * truncation)
    assert truncated.var().item() == pytest.approx(1 - 2 * truncation * density / mass, rel=0.03)


def test_truncation_goes_from_the_mean_to_all_latents() -> None:
    latents = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(truncated_normal(latents, 12.0), latents)
    assert not truncated_normal(latents, 0.0).any()
    with pytest.raises(ValueError, match="truncation"):
        truncated_normal(latents, -1.0)


def test_truncated_images_are_those_of_truncated_latents(networks: Networks) -> None:
    architecture = BigGAN(**SMALL)
    assert architecture.truncates
    generator, latents, labels = networks.generator.eval(), torch.randn(3, 10), torch.arange(3)
    images = architecture.truncated(generator, latents, labels, 0.5)
    assert torch.equal(images, generator(truncated_normal(latents, 0.5), labels))


def draw_from(seed: int, drawn: list[tuple[Tensor, Tensor]]):
    random = torch.Generator().manual_seed(seed)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        drawn.append((torch.randn(count, 10, generator=random), torch.arange(count) % 4))
        return drawn[-1]

    return draw


def test_standing_statistics_of_large_images_come_from_fewer_samples(networks: Networks) -> None:
    drawn: list[tuple[Tensor, Tensor]] = []
    networks.generator.synthesis.shape = (256, 256)  # as far as the memory of a batch goes
    BigGAN(standing_batches=2, **SMALL).before_sampling(networks.generator, draw_from(1, drawn))
    assert [len(latents) for latents, _ in drawn] == [16, 16]


def test_standing_statistics_are_the_mean_of_batch_statistics(networks: Networks) -> None:
    generator, drawn = networks.generator.eval(), []
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    BigGAN(standing_batches=3, **SMALL).before_sampling(generator, draw_from(1, drawn))
    assert [len(latents) for latents, _ in drawn] == [STANDING_BATCH] * 3

    # What the last batch norm sees of each batch, with batch statistics before it.
    reference, seen = copy.deepcopy(generator), []
    reference.synthesis.norm.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    for module in reference.modules():
        module.training = isinstance(module, nn.BatchNorm2d)
    with torch.no_grad():
        for latents, labels in drawn:
            reference(latents, labels)
    norm = generator.synthesis.norm
    means = torch.stack([maps.mean(dim=(0, 2, 3)) for maps in seen]).mean(dim=0)
    variances = torch.stack([maps.var(dim=(0, 2, 3)) for maps in seen]).mean(dim=0)
    torch.testing.assert_close(norm.running_mean, means)
    torch.testing.assert_close(norm.running_var, variances)

    assert not any(module.training for module in generator.modules())
    assert {m.momentum for m in generator.modules() if isinstance(m, nn.BatchNorm2d)} == {0.1}
    weights = [name for name, _ in generator.named_parameters()]
    assert all(torch.equal(generator.state_dict()[name], before[name]) for name in weights)


def test_without_standing_batches_moving_averages_stay(networks: Networks) -> None:
    generator, drawn = networks.generator.eval(), []
    norm = generator.synthesis.norm
    before = norm.running_mean.clone()
    BigGAN(**SMALL).before_sampling(generator, draw_from(1, drawn))
    assert not drawn
    assert torch.equal(norm.running_mean, before)


@pytest.mark.parametrize(
    ("size", "length"),
    [(8, 40), (28, 60), (32, 80), (64, 100), (128, 120), (256, 140), (512, 128)],
)
def test_latents_are_as_long_as_the_papers_unless_asked_for(size: int, length: int) -> None:
    data = DataSpec(3, size, size, 10)
    settled = BigGAN().resolve(frozenset(), data)
    assert settled.latent_dim == length
    assert settled.resolve(frozenset(), data) == settled
    assert settled.sample_latents(3, torch.Generator(), torch.device("cpu")).shape == (3, length)
    assert BigGAN(latent_dim=33).resolve(frozenset(), data).latent_dim == 33


def test_networks_and_latents_fit_without_an_asked_length() -> None:
    options = {"width": 2, "shared_dim": 6}
    generator = BigGAN(**options).build(DATA).generator
    settled = BigGAN(**options).resolve(frozenset(), DATA)
    latents = settled.sample_latents(2, torch.Generator(), torch.device("cpu"))
    assert generator(latents, torch.tensor([1, 3])).shape == (2, 1, 16, 16)
    with pytest.raises(ValueError, match="call resolve first"):
        BigGAN(**options).sample_latents(2, torch.Generator(), torch.device("cpu"))


def test_too_few_latents_for_the_blocks_are_refused() -> None:
    problem = BigGAN(latent_dim=4).problem(DataSpec(3, 64, 64, 10))
    assert problem is not None
    assert "5 or more" in problem


def test_the_projection_can_give_way_to_a_classifier() -> None:
    resolved = BigGAN(**SMALL).resolve(frozenset({CRITIC_CLASSES}), DATA)
    assert CRITIC_CLASSES in resolved.capabilities(DATA)
    critique = resolved.build(DATA).discriminator(torch.randn(2, 1, 16, 16), torch.tensor([0, 1]))
    assert critique.class_logits.shape == (2, 4)
