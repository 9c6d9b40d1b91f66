from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganbench_metrics import kernel_distance as module
from ganbench_metrics.kernel_distance import effective_subset_size, kernel_distance


def features(seed: int, n: int, d: int = 16, scale: float = 1.0) -> np.ndarray:
    return np.random.RandomState(seed).gamma(2.0, 1.0, (n, d)) * scale


def unbiased_mmd(x: np.ndarray, y: np.ndarray) -> float:
    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    def within(z: np.ndarray) -> float:
        pairs = [kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j]
        return float(np.mean(pairs))

    return within(x) + within(y) - 2 * float(np.mean([kernel(a, b) for a in x for b in y]))


@pytest.mark.parametrize(
    ("n", "m", "size", "recorded"),  # kid_features_to_metric of torch-fidelity 0.4.0: fakes first
    [
        (300, 260, 50, (6.418517650225056, 5.985487167011982)),
        (40, 60, 30, (9.25340561757589, 12.166345655482681)),
    ],
    ids=["by subset", "by membership"],
)
@pytest.mark.parametrize("at_once", [1, 2**23])
def test_it_equals_torch_fidelity(
    monkeypatch: pytest.MonkeyPatch,
    n: int,
    m: int,
    size: int,
    recorded: tuple[float, float],
    at_once: int,
) -> None:
    monkeypatch.setattr(module, "_ELEMENTS_AT_ONCE", at_once)
    fake, real = features(1, n), features(2, m, scale=1.1)
    found = kernel_distance(real, fake, subsets=10, subset_size=size)
    assert found == pytest.approx(recorded, rel=1e-9)


def test_small_sets_are_used_whole() -> None:
    x, y = features(3, 12, 4), features(4, 12, 4)
    assert effective_subset_size(12, 12) == 12
    mean, std = kernel_distance(x, y, subsets=3)
    assert mean == pytest.approx(unbiased_mmd(x, y), rel=1e-9)
    assert math.isnan(std)


@pytest.mark.parametrize(
    ("n_real", "n_fake", "subsets", "size", "there"),
    [
        (40, 40, 9, 1000, False),  # both sides are whole in every subset
        (40, 40, 9, 40, False),
        (60, 40, 9, 40, False),  # one side is: its chance is in no deviation
        (40, 60, 9, 50, False),
        (41, 60, 9, 40, True),
        (60, 60, 1, 40, False),  # one subset deviates from none
    ],
)
def test_subsets_that_do_not_vary_have_no_deviation(
    n_real: int, n_fake: int, subsets: int, size: int, there: bool
) -> None:
    x, y = features(1, n_real), features(2, n_fake)
    mean, std = kernel_distance(x, y, subsets, size)
    assert math.isfinite(mean)
    assert math.isnan(std) != there
    assert not there or std > 0


def test_subsets_are_no_larger_than_the_smaller_set() -> None:
    assert effective_subset_size(5000, 300) == 300
    assert effective_subset_size(5000, 3000, 700) == 700


def test_equal_distributions_are_at_zero_on_average_and_others_are_not() -> None:
    x, y = torch.from_numpy(features(5, 800)).float(), torch.from_numpy(features(6, 800)).float()
    mean, std = kernel_distance(x / 8, y / 8, subsets=20, subset_size=200)
    assert abs(mean) < std
    far, std = kernel_distance(x / 8, y / 8 + 1, subsets=20, subset_size=200)
    assert far > 10 * std


@pytest.mark.parametrize(
    ("fake", "subsets", "size", "message"),
    [
        (np.zeros((9, 5)), 1, 5, "dimensions differ"),
        (np.zeros((1, 4)), 1, 5, "at least 2 rows"),
        (np.full((9, 4), np.nan), 1, 5, "finite"),
        (np.zeros((9, 4)), 0, 5, "subsets >= 1"),
        (np.zeros((9, 4)), 1, 1, "size >= 2"),
    ],
)
def test_wrong_input_is_named(fake: np.ndarray, subsets: int, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kernel_distance(np.zeros((9, 4)), fake, subsets, size)
