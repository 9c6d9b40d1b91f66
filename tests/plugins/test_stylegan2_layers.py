"""StyleGAN2's generator against the papers' formulas."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ganbench import DataSpec
from ganbench_style.resampling import Upsample
from ganbench_style.stylegan2 import StyleGAN2
from ganbench_style.stylegan2_generator import Generator, Synthesis
from ganbench_style.stylegan2_layers import ModulatedConv2d, StyledLayer, ToImage
from ganbench_style.stylegan2_mapping import Mapping


def by_hand(layer: ModulatedConv2d, maps: Tensor, style: Tensor, demodulate: bool) -> Tensor:
    """Each sample convolved with weights of its own, equations 1 and 3 of the paper."""
    answers = []
    for sample, vector in zip(maps, style, strict=True):
        scales = layer.affine.weight @ vector / math.sqrt(len(vector)) + layer.affine.bias
        weight = layer.weight * scales[:, None, None] / math.sqrt(layer.weight[0].numel())
        if demodulate:
            weight = torch.stack([w / (w.square().sum() + 1e-8).sqrt() for w in weight])
        answers.append(F.conv2d(sample[None], weight, padding=weight.shape[-1] // 2)[0])
    return torch.stack(answers)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("demodulate", [False, True])
def test_modulated_convolution_is_a_convolution_for_each_sample(
    kernel: int, demodulate: bool
) -> None:
    torch.manual_seed(0)
    layer = ModulatedConv2d(4, 6, kernel, 5).double()
    maps, style = (torch.randn(3, *shape, dtype=torch.float64) for shape in ((4, 7, 7), (5,)))
    scales = layer.scales(style)
    answer = layer(maps, scales)
    if demodulate:
        answer = answer * layer.demodulation(scales)[:, :, None, None]
    torch.testing.assert_close(answer, by_hand(layer, maps, style, demodulate))


def test_an_upsampling_one_convolves_what_was_doubled() -> None:
    """A transposed convolution has the mirrored weights; the border differs by what is cut off."""
    torch.manual_seed(0)
    layer = ModulatedConv2d(4, 6, 3, 5, upsample=True).double()
    maps, style = (torch.randn(2, *shape, dtype=torch.float64) for shape in ((4, 8, 8), (5,)))
    scales = layer.scales(style)
    answer = layer(maps, scales)
    assert answer.shape == (2, 6, 16, 16)
    doubled = Upsample().double()(maps * scales[:, :, None, None])
    expected = F.conv2d(doubled, layer.weight.flip(2, 3), padding=1)
    torch.testing.assert_close(answer[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])


@pytest.mark.parametrize("upsample", [False, True])
def test_demodulation_gives_outputs_of_unit_variance_whatever_the_style(upsample: bool) -> None:
    torch.manual_seed(0)
    layer = ModulatedConv2d(64, 64, 3, 8, upsample=upsample)
    scales = layer.scales(20 * torch.randn(16, 8))
    maps = layer(torch.randn(16, 64, 16, 16), scales)
    maps = maps * layer.demodulation(scales)[:, :, None, None]
    spread = maps[..., 2:-2, 2:-2].square().mean((1, 2, 3)).sqrt()
    # A doubled map lacks the high frequencies: its power is that of linear interpolation, (5/8)².
    expected = 5 / 8 if upsample else 1.0
    torch.testing.assert_close(spread, torch.full((16,), expected), rtol=0.15, atol=0)


def test_a_styled_layer_adds_noise_and_bias_before_its_rectifier() -> None:
    torch.manual_seed(0)
    layer = StyledLayer(4, 6, 5).double()
    maps, style = (torch.randn(3, *shape, dtype=torch.float64) for shape in ((4, 7, 7), (5,)))
    with torch.no_grad():
        layer.noise_strength.fill_(0.3)
        layer.bias.normal_()
    torch.manual_seed(1)
    answer = layer(maps, style)
    torch.manual_seed(1)
    noise = torch.randn(3, 1, 7, 7, dtype=torch.float64)
    plain = by_hand(layer.convolution, maps, style, demodulate=True)
    summed = plain + 0.3 * noise + layer.bias[:, None, None]
    torch.testing.assert_close(answer, math.sqrt(2) * F.leaky_relu(summed, 0.2))


def test_the_image_layer_does_not_demodulate() -> None:
    torch.manual_seed(0)
    layer = ToImage(4, 3, 5).double()
    maps, style = (torch.randn(3, *shape, dtype=torch.float64) for shape in ((4, 7, 7), (5,)))
    with torch.no_grad():
        layer.bias.normal_()
    plain = by_hand(layer.convolution, maps, style, demodulate=False)
    torch.testing.assert_close(layer(maps, style), plain + layer.bias[:, None, None])


def test_the_mapping_normalizes_latents_and_label_and_learns_slowly() -> None:
    torch.manual_seed(0)
    mapping = Mapping(6, 3, 5, layers=2, lr_multiplier=0.01).double()
    latents, labels = torch.randn(4, 6, dtype=torch.float64), torch.tensor([2, 0, 1, 1])
    assert mapping.embedding is not None
    table = mapping.embedding.weight.T / math.sqrt(3) + mapping.embedding.bias
    values = torch.cat(
        [part / part.square().mean(1, keepdim=True).sqrt() for part in (latents, table[labels])], 1
    )
    for layer in mapping.layers:
        assert layer.weight.std().item() == pytest.approx(100, rel=0.35)
        weight = 0.01 * layer.weight / math.sqrt(values.shape[1])
        values = math.sqrt(2) * F.leaky_relu(values @ weight.T + 0.01 * layer.bias, 0.2)
    torch.testing.assert_close(mapping(latents, labels), values)
    torch.testing.assert_close(mapping(7 * latents, labels), values)


def made(**options: Any) -> Generator:
    """A generator of 16 pixels, so of 6 styles, that makes the same of the same styles."""
    torch.manual_seed(0)
    small = {"channel_base": 64, "latent_dim": 6, "w_dim": 5, "mapping_layers": 2}
    generator = StyleGAN2(**small | options).build(DataSpec(3, 16, 16)).generator
    assert isinstance(generator, Generator)
    return generator


def noisy(generator: Generator) -> Generator:
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            torch.nn.init.constant_(parameter, 0.5)
    return generator


def test_without_strength_noise_changes_nothing() -> None:
    latents = torch.randn(3, 6)
    generator = made().eval()
    assert torch.equal(generator(latents), generator(latents))


def test_noise_is_drawn_anew_from_the_global_random_state_in_evaluation_too() -> None:
    latents = torch.randn(1, 6).expand(2, -1)
    for training in (False, True):
        generator = noisy(made(mixing=0.0)).train(training)
        torch.manual_seed(1)
        first, second = generator(latents), generator(latents)
        torch.manual_seed(1)
        assert torch.equal(generator(latents), first)
        assert not torch.equal(first, second)
        assert not torch.equal(first[0], first[1]), "samples of a batch share their noise"


class NoImages(Synthesis):
    """In place of a synthesis, where styles alone are looked at."""

    def forward(self, styles: Tensor) -> Tensor:
        return torch.zeros(len(styles), 3, 16, 16)


@torch.no_grad()
def mixed(generator: Generator, batches: int) -> tuple[Tensor, Tensor]:
    """(batches, 3, 6, 5) styles of three latents, and the (3, 1, 5) ones that they have unmixed."""
    generator.synthesis.__class__ = NoImages
    latents = torch.randn(3, 6)
    styles = torch.stack([generator.with_styles(latents)[1] for _ in range(batches)])
    return styles, generator.mapping(latents, None)[:, None]


def test_mixing_takes_every_later_layer_of_a_batch_from_second_latents() -> None:
    batches = 1500
    styles, plain = mixed(made(mixing=0.7), batches)
    kept = (styles - plain).abs().amax(3) < 1e-5
    first_layers = kept[:, 0].sum(1)
    assert kept[..., 0].all(), "the first layer is never mixed"
    expected = (torch.arange(6) < first_layers[:, None])[:, None].expand(-1, 3, -1)
    assert torch.equal(kept, expected), "layers change at another place, or not for all samples"
    shares = first_layers.bincount(minlength=7)[1:] / batches
    wanted = torch.tensor([0.14] * 5 + [0.3])
    torch.testing.assert_close(shares, wanted, rtol=0, atol=0.05)
    others = styles[first_layers == 1][:, :, 1:]
    assert torch.equal(others, others[:, :, :1].expand_as(others)), "a latent has several styles"
    assert others[:, :, 0].flatten(0, 1).unique(dim=0).shape[0] == 3 * len(others)


def test_images_follow_the_mixed_styles_layer_by_layer() -> None:
    generator = made()
    one, other = (generator.mapping(torch.randn(1, 6), None) for _ in range(2))
    pure = one[:, None].repeat(1, 6, 1)
    images = generator.synthesis(pure)
    for layer in range(6):
        changed = pure.clone()
        changed[:, layer] = other
        assert not torch.equal(generator.synthesis(changed), images), f"layer {layer} does nothing"


def test_mixing_is_for_training_alone() -> None:
    generator = made(mixing=1.0)
    latents = torch.randn(5, 6)
    for plain in (generator.eval(), made(mixing=0.0).train()):
        _, styles = plain.with_styles(latents)
        w = plain.mapping(latents, None)
        assert torch.equal(styles, w[:, None].expand(-1, 6, -1))


def test_the_mean_style_is_tracked_in_training_alone() -> None:
    generator = made(w_decay=0.75)
    expected = torch.zeros(5)
    for _ in range(3):
        latents = torch.randn(8, 6)
        generator(latents)
        expected = 0.75 * expected + 0.25 * generator.mapping(latents, None).mean(0)
        torch.testing.assert_close(generator.w_avg, expected)
        generator.with_styles(latents)
    generator.eval()(torch.randn(8, 6))
    torch.testing.assert_close(generator.w_avg, expected)
    assert not generator.w_avg.requires_grad
    assert "w_avg" in generator.state_dict()


def test_truncation_goes_from_all_images_to_the_mean_one() -> None:
    generator = made()
    generator(torch.randn(64, 6))
    generator.eval()
    latents = torch.randn(4, 6)

    def truncated(psi: float) -> Tensor:
        return StyleGAN2().truncated(generator, latents, None, psi)

    assert StyleGAN2.truncates
    torch.testing.assert_close(truncated(1.0), generator(latents))
    mean = generator.synthesis(generator.w_avg.expand(1, 6, -1)).clamp(-1, 1)
    torch.testing.assert_close(truncated(0.0), mean.expand(4, -1, -1, -1))
    half = 0.5 * (generator.w_avg + generator.mapping(latents, None))
    expected = generator.synthesis(half[:, None].expand(-1, 6, -1)).clamp(-1, 1)
    torch.testing.assert_close(truncated(0.5), expected)


def test_low_precision_leaves_styles_and_demodulation_whole() -> None:
    generator = noisy(made(mixing=0.0))
    latents = torch.randn(4, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.manual_seed(0)
        images, styles = generator.with_styles(latents)
        scales = generator.synthesis.first.convolution.scales(styles[:, 0])
        factors = generator.synthesis.first.convolution.demodulation(scales)
    assert styles.dtype == factors.dtype == torch.float32
    torch.testing.assert_close(styles[:, 0], generator.mapping(latents, None))
    assert images.isfinite().all()
