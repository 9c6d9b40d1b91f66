"""The path length regularizer against finite differences and a generator whose Jacobian is known."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import ganbench
from ganbench import STYLES, DataSpec, View
from ganbench_regularizers.path_length import PathLength, path_lengths
from ganbench_style.stylegan2 import StyleGAN2

Styled = Callable[[Tensor], tuple[Tensor, Tensor]]


def view_of(with_styles: Styled | None, latents: Tensor, *, seed: int = 3) -> View:
    """A generator's step."""
    nothing = torch.zeros(len(latents), 1, 1, 1)
    return View(
        critic=lambda images: images.flatten(1).sum(1),
        real=None,
        fake=nothing,
        real_logits=None,
        fake_logits=nothing,
        random=torch.Generator().manual_seed(seed),
        state=PathLength().initial_state(torch.device("cpu")),
        latents=latents,
        with_styles=with_styles,
    )


class Linear(nn.Module):
    """Images that are a linear function of the styles (batch, 2, 3): every path is equally long."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.jacobian = nn.Parameter(torch.randn(40, 6))

    def with_styles(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        styles = latents.unflatten(1, (2, 3)).clone().requires_grad_()
        return (styles.flatten(1) @ self.jacobian.T).view(-1, 2, 4, 5), styles


def test_lengths_are_norms_of_slopes_found_by_finite_differences() -> None:
    torch.manual_seed(0)
    architecture = StyleGAN2(channel_base=32, latent_dim=3, w_dim=3, mapping_layers=1, mixing=0.0)
    generator = architecture.build(DataSpec(1, 8, 8)).generator.double()
    latents = torch.randn(4, 3, dtype=torch.float64)
    view = view_of(generator.with_styles, latents)
    lengths = path_lengths(view, batch_shrink=2)

    images, styles = generator.with_styles(latents[:2])
    noise = torch.randn(
        images.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64
    )
    slopes = torch.zeros_like(styles)
    with torch.no_grad():
        for place in range(styles[0].numel()):
            step = torch.zeros_like(styles).flatten(1)
            step[:, place] = 1e-6
            ahead, behind = (
                generator.synthesis(styles + sign * step.view_as(styles)) for sign in (1, -1)
            )
            rise = ((ahead - behind) * noise / math.sqrt(64)).flatten(1).sum(1)
            slopes.flatten(1)[:, place] = rise / 2e-6
    expected = slopes.square().sum(2).mean(1).sqrt()
    assert lengths.shape == (2,)
    torch.testing.assert_close(lengths, expected, rtol=1e-6, atol=0)


def test_noise_makes_lengths_those_of_all_directions_in_the_mean() -> None:
    """E‖Jᵀy‖² = ‖J‖²_F / pixels; and the mean over two layers is half of their sum."""
    linear = Linear()
    view = view_of(linear.with_styles, torch.randn(20_000, 6))
    mean = path_lengths(view, batch_shrink=1).square().mean()
    expected = linear.jacobian.square().sum() / 20 / 2
    torch.testing.assert_close(mean, expected, rtol=0.02, atol=0)


@pytest.mark.parametrize("pixels", [8, 32, 1024])
def test_a_weight_of_two_is_that_of_the_paper(pixels: int) -> None:
    layers = 2 * math.log2(pixels) - 2
    published = math.log(2) / (pixels**2 * (math.log(pixels) - math.log(2)))
    assert PathLength().weight / (pixels**2 * layers) == pytest.approx(published)


def test_the_penalty_is_the_distance_to_a_running_mean() -> None:
    linear = Linear()
    penalty = PathLength(weight=3.0, decay=0.25, batch_shrink=1)
    latents = torch.randn(8, 6)
    state = penalty.initial_state(torch.device("cpu"))
    before = dict(state)
    seen: list[float] = []
    for seed in range(3):
        lengths = path_lengths(view_of(linear.with_styles, latents, seed=seed), 1)
        seen.insert(0, lengths.mean().item())
        shares = [0.75**age for age in range(len(seen))]
        mean = sum(map(operator.mul, shares, seen)) / sum(shares)
        view = view_of(linear.with_styles, latents, seed=seed)
        view.state = state
        term = penalty.generator(view)
        assert all(state[name] is before[name] for name in before)
        expected = 3 * (lengths - mean).square().mean()
        torch.testing.assert_close(term, expected)
        (slope,) = torch.autograd.grad(term, linear.jacobian)
        (expected_slope,) = torch.autograd.grad(expected, linear.jacobian)
        torch.testing.assert_close(slope, expected_slope)


def test_the_batch_shrinks_but_never_to_nothing_nor_apart_from_its_labels() -> None:
    linear = Linear()
    for count, shrink, expected in ((8, 2, 4), (7, 2, 3), (1, 2, 1), (8, 3, 2)):
        view = view_of(linear.with_styles, torch.randn(count, 6))
        assert path_lengths(view, shrink).shape == (expected,)
    view = view_of(linear.with_styles, torch.randn(8, 6))
    view.labels = torch.zeros(8, dtype=torch.int64)
    assert path_lengths(view, 2).shape == (8,)


def test_images_that_do_not_move_pay_without_infinite_slopes() -> None:
    linear = Linear()
    nn.init.zeros_(linear.jacobian)
    term = PathLength().generator(view_of(linear.with_styles, torch.randn(4, 6)))
    (slope,) = torch.autograd.grad(term, linear.jacobian)
    assert term.item() == 0
    assert slope.isfinite().all()


def test_it_is_a_lazy_term_of_the_generator_and_needs_styles() -> None:
    penalty = ganbench.get("regularizer", "path-length")
    assert penalty == PathLength(weight=2.0, decay=0.01, batch_shrink=2, every=4)
    assert penalty.players == {"generator"}
    assert set(penalty.needs) == {STYLES}
    with pytest.raises(ValueError, match="generator with styles"):
        penalty.generator(view_of(None, torch.randn(2, 6)))
