"""pix2pix: exact sizes, what the U-Net and the PatchGAN see, and its noise and norm in evaluation."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

import ganbench as gb
from ganbench import CRITIC_FEATURES, PER_SAMPLE_CRITIC, DataSpec, Translation
from ganbench.testing import ArchitectureTests
from ganbench_translation.patchgan import PatchGAN, receptive_field
from ganbench_translation.pix2pix import Pix2Pix


def pairs(channels: int, size: int, source_channels: int = 3) -> DataSpec:
    return DataSpec(channels, size, size, source_channels=source_channels, pairing="paired")


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(7)) * 2 - 1


class TestContract(ArchitectureTests):
    data = (pairs(3, 32, 1), pairs(1, 32, 3))

    @pytest.fixture(autouse=True, params=["", ",norm=instance", ",d_norm=instance,dropout=0.0"])
    def choose(self, request: pytest.FixtureRequest) -> None:
        self.component = gb.get("architecture", f"pix2pix[width=4{request.param}]")


class TestContractOnSmallImages(ArchitectureTests):
    component = Pix2Pix(width=4, layers=1, norm="instance")
    data = (pairs(1, 8, 1),)


# --- sizes


@pytest.mark.parametrize(
    ("channels", "generator", "discriminator"),
    [(3, 54_413_955, 2_768_705), (1, 54_407_809, 2_764_609)],
)
def test_the_published_pair_has_the_published_number_of_parameters(
    channels: int, generator: int, discriminator: int
) -> None:
    with torch.device("meta"):
        pair = Pix2Pix().build(pairs(channels, 256, channels))
    assert (parameters(pair.generator), parameters(pair.discriminator)) == (
        generator,
        discriminator,
    )


def test_a_patchgan_that_sees_no_source_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        counts = [parameters(PatchGAN(3, 64, 3, norm)) for norm in ("batch", "instance")]
    assert counts == [2_765_633, 2_764_737]


@pytest.mark.parametrize("size", [8, 32, 64, 256])
@pytest.mark.parametrize(("source", "target"), [(1, 3), (3, 1), (2, 2)])
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_parameter_counts_follow_from_the_layers(
    size: int, source: int, target: int, norm: str
) -> None:
    width, layers = 4, 1
    downs = int(math.log2(size))
    maps = [width * min(8, 2**level) for level in range(downs)]
    bias, gains = (1, 0) if norm == "instance" else (0, 2)
    down = sum(16 * i * o + bias * o for i, o in itertools.pairwise([source, *maps]))
    norms_down = gains * sum(maps[1:-1])
    inputs = [maps[-1], *(2 * channels for channels in maps[-2:0:-1])]
    outputs = maps[-2::-1]
    up = sum(16 * i * o + bias * o for i, o in zip(inputs, outputs, strict=True))
    last = 16 * 2 * width * target + target
    patches = 16 * (source + target) * width + width + 16 * width * 2 * width + bias * 2 * width
    with torch.device("meta"):
        pair = Pix2Pix(width=width, norm=norm, layers=layers).build(pairs(target, size, source))
    assert parameters(pair.generator) == down + norms_down + up + gains * sum(outputs) + last
    assert parameters(pair.discriminator) == patches + gains * 2 * width + 16 * 2 * width + 1


@pytest.mark.parametrize(
    ("size", "layers", "side"), [(256, 3, 30), (64, 3, 6), (32, 3, 2), (32, 2, 6), (8, 1, 2)]
)
def test_there_is_one_logit_for_each_patch(size: int, layers: int, side: int) -> None:
    pair = Pix2Pix(width=2, layers=layers).build(pairs(1, size, 1))
    source, target = noise(2, 1, size, size), noise(2, 1, size, size)
    critique = pair.discriminator(target, source)
    assert critique.logits.shape == (2, 1, side, side)
    assert critique.features.shape == (2, 2 * min(8, 2**layers))
    assert pair.generator(source).shape == target.shape


@pytest.mark.parametrize(("layers", "side"), [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286)])
def test_a_logit_sees_a_patch_of_the_papers_size(layers: int, side: int) -> None:
    assert receptive_field(layers) == side


def test_a_logit_of_the_usual_discriminator_sees_seventy_pixels() -> None:
    patches = PatchGAN(1, 2, 3, "batch").eval()  # without the statistics of the whole image
    image = noise(1, 1, 256, 256).requires_grad_()
    patches(image).logits[0, 0, 15, 15].backward()
    assert image.grad is not None
    seen = (image.grad[0, 0] != 0).nonzero()
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [70, 70]


# --- what the networks look at


def test_the_discriminator_judges_an_image_beside_its_source() -> None:
    torch.manual_seed(0)
    discriminator = Pix2Pix(width=4).build(pairs(3, 32, 1)).discriminator
    source, target = noise(2, 1, 32, 32), noise(2, 3, 32, 32)
    before = discriminator(target, source).logits
    assert not torch.equal(before, discriminator(target, -source).logits)
    assert not torch.equal(before, discriminator(-target, source).logits)


def test_skip_connections_carry_detail_past_the_bottleneck() -> None:
    torch.manual_seed(0)
    generator = Pix2Pix(width=4, dropout=0.0).build(pairs(1, 32, 1)).generator.eval()
    source = noise(1, 1, 32, 32)
    whole = generator(source)
    innermost = generator.encoder[-1][1]
    nn.init.zeros_(innermost.weight)  # nothing comes through the bottleneck any more
    detour = generator(source)
    assert not torch.equal(whole, detour)
    assert detour.std() > 0.5 * whole.std()


def test_weights_start_as_in_the_paper() -> None:
    torch.manual_seed(0)
    for network in Pix2Pix(width=16).build(pairs(3, 32, 3)):
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                assert (parameter == 0).all(), name
                continue
            tolerance = 5 * 0.02 / math.sqrt(parameter.numel())
            assert abs(parameter.mean().item() - (parameter.ndim == 1)) < tolerance, name
            assert abs(parameter.std().item() - 0.02) < tolerance, name


# --- noise and norm


def test_dropout_stays_in_evaluation_and_follows_torchs_random_state() -> None:
    torch.manual_seed(0)
    generator = Pix2Pix(width=4).build(pairs(1, 32, 1)).generator
    source = noise(2, 1, 32, 32)
    generator(source)  # so that evaluation has statistics
    generator.eval()
    answers = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        answers.append(generator(source))
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])
    certain = Pix2Pix(width=4, dropout=0.0).build(pairs(1, 32, 1)).generator.eval()
    assert torch.equal(certain(source), certain(source))


def test_dropout_is_in_the_three_innermost_decoder_blocks() -> None:
    blocks = Pix2Pix(width=2).build(pairs(1, 256, 1)).generator.decoder
    noisy = [any(type(part).__name__ == "Noise" for part in block) for block in blocks]
    assert noisy == [True] * 3 + [False] * 4


def test_after_batches_of_one_an_image_is_evaluated_as_it_was_trained() -> None:
    torch.manual_seed(0)
    generator = Pix2Pix(width=4, dropout=0.0).build(pairs(1, 32, 1)).generator
    source = noise(4, 1, 32, 32)
    trained = torch.cat([generator(image) for image in source.split(1)])
    torch.testing.assert_close(generator.eval()(source), trained, rtol=1e-4, atol=1e-5)


def test_after_larger_batches_an_image_is_evaluated_by_running_averages() -> None:
    torch.manual_seed(0)
    generator = Pix2Pix(width=4, dropout=0.0).build(pairs(1, 32, 1)).generator
    source = noise(4, 1, 32, 32)
    generator(source[:1])
    for _ in range(200):  # after which the averages are the batch's statistics
        trained = generator(source)
    torch.testing.assert_close(generator.eval()(source), trained, rtol=0.05, atol=0.02)
    alone = torch.cat([generator(image) for image in source.split(1)])
    torch.testing.assert_close(alone, generator(source), rtol=1e-4, atol=1e-5)


def test_the_discriminators_norm_is_settled_by_what_the_cell_needs() -> None:
    data = pairs(3, 32, 1)
    auto = Pix2Pix(width=4)
    needs = frozenset({PER_SAMPLE_CRITIC})
    assert auto.resolve(frozenset(), data) == Pix2Pix(width=4, d_norm="batch")
    assert auto.resolve(needs, data) == Pix2Pix(width=4, d_norm="instance")
    assert auto.capabilities(data) == {PER_SAMPLE_CRITIC, CRITIC_FEATURES}
    fixed = Pix2Pix(d_norm="batch")
    assert fixed.capabilities(data) == {CRITIC_FEATURES}
    assert "d_norm" in fixed.advice(PER_SAMPLE_CRITIC)
    assert Pix2Pix(norm="instance").resolve(frozenset(), data).d_norm == "instance"


def test_the_generators_own_term_is_a_weighted_mean_absolute_difference() -> None:
    target, fake = torch.full((2, 3, 4, 4), 0.5), torch.full((2, 3, 4, 4), 0.25)
    seen = Translation(torch.zeros(2, 1, 4, 4), target, fake, None, lambda images, domain: images)
    assert Pix2Pix().generator_terms(seen).item() == pytest.approx(25.0)
    assert Pix2Pix(l1=0.0).generator_terms(seen).item() == 0


@pytest.mark.parametrize(
    ("data", "way_out"),
    [
        (DataSpec(2, 1, 1, kind="points"), "points"),
        (DataSpec(3, 32, 32), "paired-folder"),
        (DataSpec(3, 32, 32, source_channels=3, pairing="unpaired"), "cyclegan"),
        (DataSpec(3, 32, 48, source_channels=3, pairing="paired"), "to 64 pixels"),
        (pairs(3, 28), "power of two"),
        (pairs(3, 4), "resize"),
        (pairs(3, 16), "layers=2"),
        (pairs(1, 8), "layers=1"),
    ],
)
def test_data_that_cannot_be_translated_is_refused_with_a_way_out(
    data: DataSpec, way_out: str
) -> None:
    problem = Pix2Pix().problem(data)
    assert problem is not None
    assert way_out in problem
    with pytest.raises(ValueError, match="pix2pix"):
        Pix2Pix().build(data)
