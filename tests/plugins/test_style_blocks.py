"""What the designs with an equalized learning rate are built from, against plain computations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench_style.equalized import LEAK, RECTIFIER_GAIN, EqualizedConv2d, EqualizedLinear
from ganbench_style.minibatch import MinibatchDeviation
from ganbench_style.resampling import Blur, Downsample, Upsample

TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64)


@pytest.mark.parametrize("gain", [1.0, 2.0])
@pytest.mark.parametrize("lr_multiplier", [1.0, 0.01])
def test_outputs_have_the_variance_of_the_gain_at_the_start(
    gain: float, lr_multiplier: float
) -> None:
    torch.manual_seed(0)
    options = {"gain": gain, "lr_multiplier": lr_multiplier}
    linear = EqualizedLinear(300, 400, **options)
    convolution = EqualizedConv2d(40, 400, 3, padding=0, **options)
    assert linear(torch.randn(50, 300)).std().item() == pytest.approx(gain, rel=0.03)
    assert convolution(torch.randn(9, 40, 5, 5)).std().item() == pytest.approx(gain, rel=0.03)
    for layer in (linear, convolution):
        assert layer.weight.std().item() * lr_multiplier == pytest.approx(1, rel=0.02)


def test_slopes_of_the_weights_are_scaled_as_the_weights_are() -> None:
    """So that one step of Adam moves the used weight by lr · gain · multiplier / sqrt(fan-in)."""
    torch.manual_seed(0)
    layer = EqualizedConv2d(5, 6, 3, bias=0.5, lr_multiplier=0.1, gain=2.0, bias_gain=3.0)
    weight, bias = (value.detach().clone().requires_grad_() for value in layer.scaled())
    images = torch.randn(2, 5, 4, 4)
    expected = F.conv2d(images, weight, bias, padding=1)
    answer = layer(images)
    torch.testing.assert_close(answer, expected)
    torch.testing.assert_close(bias, torch.full((6,), 1.5))
    answer.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(layer.weight.grad, weight.grad * 2 * 0.1 / math.sqrt(45))
    torch.testing.assert_close(layer.bias.grad, bias.grad * 3 * 0.1)


def test_the_rectifiers_gain_nearly_keeps_the_second_moment() -> None:
    torch.manual_seed(0)
    rectified = RECTIFIER_GAIN * F.leaky_relu(torch.randn(100_000), LEAK)
    assert rectified.square().mean().item() == pytest.approx(1 + LEAK**2, rel=0.02)


def test_layers_without_a_bias_have_none_and_padding_can_be_chosen() -> None:
    layer = EqualizedConv2d(2, 3, 4, padding=3, stride=2, bias=None)
    assert layer.bias is None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert layer(torch.randn(1, 2, 1, 1)).shape == (1, 3, 2, 2)
    with torch.device("meta"):
        assert EqualizedLinear(2, 3).weight.is_meta


def plain_deviations(features: Tensor, groups: list[list[int]], parts: int) -> Tensor:
    """(batch, parts): the mean over channels and pixels of each group's standard deviation."""
    answer = features.new_zeros(len(features), parts)
    for group in groups:
        for part, channels in enumerate(features.chunk(parts, 1)):
            members = channels[group]
            centred = members - members.mean(0)
            deviation = (centred**2).sum(0).div(len(group)).sqrt()
            answer[group, part] = deviation.mean()
    return answer


@pytest.mark.parametrize(
    ("batch", "group", "parts", "groups"),
    [
        (8, 4, 1, [[0, 1, 2, 3], [4, 5, 6, 7]]),
        (8, 4, 3, [[0, 1, 2, 3], [4, 5, 6, 7]]),
        (7, 3, 1, [[0, 1, 2, 3], [4, 5, 6]]),
        (8, 3, 2, [[0, 1, 2, 3], [4, 5, 6, 7]]),
        (5, 4, 1, [[0, 1, 2, 3, 4]]),
        (3, 4, 1, [[0, 1, 2]]),
        (6, 0, 1, [[0, 1, 2, 3, 4, 5]]),
    ],
)
def test_minibatch_deviation_is_that_of_a_plain_loop(
    batch: int, group: int, parts: int, groups: list[list[int]]
) -> None:
    torch.manual_seed(0)
    features = torch.randn(batch, 6, 3, 2, dtype=torch.float64)
    answer = MinibatchDeviation(group, parts)(features)
    assert answer.shape == (batch, 6 + parts, 3, 2)
    torch.testing.assert_close(answer[:, :6], features)
    expected = plain_deviations(features, groups, parts)[:, :, None, None]
    torch.testing.assert_close(answer[:, 6:], expected.expand(-1, -1, 3, 2))


@pytest.mark.parametrize("batch", [1, 4])
def test_a_batch_that_does_not_vary_has_no_deviation_and_finite_slopes(batch: int) -> None:
    features = torch.ones(batch, 2, 3, 3, requires_grad=True)
    answer = MinibatchDeviation(4)(features)
    assert answer[:, 2].abs().max() < 1e-3
    (slopes,) = torch.autograd.grad(answer.square().sum(), features, create_graph=True)
    slopes.square().sum().backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_minibatch_deviation_keeps_a_low_precision_and_its_answer_in_it() -> None:
    torch.manual_seed(0)
    features = (100 + torch.randn(4, 8, 4, 4)).bfloat16()
    answer = MinibatchDeviation(4)(features)
    assert answer.dtype == torch.bfloat16
    expected = plain_deviations(features.double(), [[0, 1, 2, 3]], 1)
    torch.testing.assert_close(answer[:, 8, 0, 0].double(), expected[:, 0], rtol=0.01, atol=0)


def filtered(maps: Tensor, gain: float) -> Tensor:
    """(h, w) to (h + 3, w + 3): every product of a value and the filter, added up one by one."""
    kernel = torch.outer(TAPS, TAPS) / 64 * gain
    answer = maps.new_zeros(maps.shape[0] + 3, maps.shape[1] + 3)
    for row in range(maps.shape[0]):
        for column in range(maps.shape[1]):
            answer[row : row + 4, column : column + 4] += maps[row, column] * kernel
    return answer


def resampled(module: nn.Module, maps: Tensor) -> Tensor:
    answer = module.double()(maps)
    assert isinstance(answer, Tensor)
    return answer


def test_resampling_is_that_of_a_plain_loop() -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 6, 4, dtype=torch.float64)
    for module, size, gain, window in (
        (Blur(padding=1, gain=4.0), 1, 4.0, slice(2, -2)),
        (Blur(padding=2), 1, 1.0, slice(1, -1)),
        (Upsample(), 2, 4.0, slice(1, -2)),
        (Downsample(), 1, 1.0, slice(2, -2, 2)),
    ):
        expected = []
        for sample in maps.flatten(0, 1):
            apart = sample.new_zeros(6 * size, 4 * size)
            apart[::size, ::size] = sample
            expected.append(filtered(apart, gain)[window, window])
        answer = resampled(module, maps).flatten(0, 1)
        torch.testing.assert_close(answer, torch.stack(expected))


def test_a_constant_keeps_its_value_off_the_border() -> None:
    maps = torch.ones(1, 2, 8, 8, dtype=torch.float64)
    for module in (Blur(padding=2), Upsample(), Downsample()):
        inside = resampled(module, maps)[..., 2:-2, 2:-2]
        torch.testing.assert_close(inside, torch.ones_like(inside))
    assert resampled(Blur(padding=2, gain=4.0), maps)[0, 0, 4, 4].item() == pytest.approx(4)


@pytest.mark.parametrize(("module", "scale"), [(Upsample(), 2.0), (Downsample(), 0.5)])
def test_off_the_border_resampling_is_bilinear(module: nn.Module, scale: float) -> None:
    """As PyTorch's is, with the grid centred; halved with the filter that its antialiasing has."""
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 10, 8, dtype=torch.float64)
    expected = F.interpolate(
        maps, scale_factor=scale, mode="bilinear", align_corners=False, antialias=scale < 1
    )
    inside = (..., slice(1, -1), slice(1, -1))
    torch.testing.assert_close(resampled(module, maps)[inside], expected[inside])


def test_an_impulse_is_doubled_into_both_sides_alike() -> None:
    maps = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    maps[..., 2, 2] = 1
    column = resampled(Upsample(), maps)[0, 0].sum(1)
    expected = torch.tensor([0.0] * 3 + [0.5, 1.5, 1.5, 0.5] + [0.0] * 3, dtype=torch.float64)
    torch.testing.assert_close(column, expected)


def test_filters_can_be_differentiated_twice_and_are_no_state() -> None:
    maps = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    for module in (Blur(padding=1), Upsample(), Downsample()):
        assert not list(module.parameters())
        assert not module.state_dict()
        double = module.double()
        assert torch.autograd.gradcheck(double, maps)
        assert torch.autograd.gradgradcheck(lambda x, m=double: m(x).square(), maps)
