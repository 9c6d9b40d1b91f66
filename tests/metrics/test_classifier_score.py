from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganbench_metrics.classifier_score import classifier_score


def test_it_equals_torch_fidelity() -> None:
    logits = np.random.RandomState(1).gamma(2.0, 1.0, (103, 7))  # 103: parts of unequal size
    recorded = (1.9055148070325019, 0.21119768545641185)  # isc_features_to_metric, 0.4.0
    assert classifier_score(logits) == pytest.approx(recorded, rel=1e-12)
    assert classifier_score(torch.from_numpy(logits)) == classifier_score(logits)


def test_certain_and_even_samples_score_the_number_of_classes() -> None:
    logits = torch.eye(5).repeat(200, 1) * 1e6  # so certain that other classes underflow
    mean, std = classifier_score(logits, splits=1)
    assert mean == pytest.approx(5)
    assert math.isnan(std)  # one part deviates from none


def test_samples_that_look_alike_score_one() -> None:
    logits = torch.tensor([[3.0, 900.0, -900.0]]).repeat(50, 1)
    assert classifier_score(logits) == pytest.approx((1, 0))


def test_two_kinds_of_samples_have_the_score_computed_by_hand() -> None:
    p, q = (0.9, 0.1), (0.3, 0.7)
    average = (0.6, 0.4)
    divergences = [
        sum(a * math.log(a / b) for a, b in zip(x, average, strict=True)) for x in (p, q)
    ]
    logits = torch.tensor([p, q] * 10).log()
    assert classifier_score(logits, splits=1)[0] == pytest.approx(
        math.exp(sum(divergences) / 2), rel=1e-6
    )


@pytest.mark.parametrize(
    ("logits", "splits", "message"),
    [
        (np.zeros((9, 3)), 10, "between 1 and the 9 samples"),
        (np.zeros((9, 3)), 0, "splits"),
        (np.zeros(9), 1, "shape"),
        (np.full((9, 3), np.inf), 1, "finite"),
    ],
)
def test_wrong_input_is_named(logits: np.ndarray, splits: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        classifier_score(logits, splits)
