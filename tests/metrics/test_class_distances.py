"""Distances within classes, against each class taken out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ganbench_metrics.class_distances import class_accuracy, class_distances

CLASSES, COUNT = 3, 90


def labels_of(seed: int) -> Tensor:
    return torch.randint(CLASSES, (COUNT,), generator=torch.Generator().manual_seed(seed))


def plain_distance(real: Tensor, fake: Tensor) -> float:
    """The Fréchet distance by a root of the product of the covariances."""
    shift = (real.double().mean(0) - fake.double().mean(0)).square().sum().item()
    a, b = (torch.atleast_2d(torch.cov(x.double().T)).numpy() for x in (real, fake))
    roots = np.sqrt(np.linalg.eigvals(a @ b).real.clip(min=0))
    return float(shift + a.trace() + b.trace() - 2 * roots.sum())


@pytest.mark.parametrize("width", [4, 200])
def test_class_distances_are_distances_of_the_members(width: int) -> None:
    """With more samples than features and with fewer."""
    random = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(COUNT, width, generator=random) for _ in range(2))
    theirs, ours = labels_of(1), labels_of(2)
    fake += ours[:, None]
    found = class_distances(real, theirs, fake, ours)
    assert list(found) == [0, 1, 2]
    for label, distance in found.items():
        expected = plain_distance(real[theirs == label], fake[ours == label])
        assert distance == pytest.approx(expected, rel=1e-6)
    assert found[2] > found[1] > found[0]


def test_classes_with_fewer_than_two_samples_on_a_side_are_left_out() -> None:
    features = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    real, fake = torch.tensor([0, 0, 1, 2, 2, 2, 4]), torch.tensor([0, 0, 0, 1, 1, 2, 5])
    assert list(class_distances(features, real, features, fake)) == [0]
    assert list(class_distances(features, real, features, real)) == [0, 2]


def test_the_accuracy_is_the_share_of_hits() -> None:
    labels, logits = labels_of(4), torch.randn(COUNT, CLASSES)
    hits = [int(row.argmax() == label) for row, label in zip(logits, labels, strict=True)]
    assert class_accuracy(logits, labels) == pytest.approx(sum(hits) / COUNT)


def test_every_sample_has_a_label() -> None:
    features, labels = torch.randn(3, 16), torch.tensor([0, 1, 2])
    with pytest.raises(ValueError, match="3 samples need as many labels"):
        class_distances(features, labels, features, labels[:2])


def test_real_samples_lie_in_their_own_class() -> None:
    """The distance of a class to itself is zero; with labels exchanged it is not."""
    labels = labels_of(2)
    features = torch.randn(COUNT, 4, generator=torch.Generator().manual_seed(0)) + labels[:, None]
    own = class_distances(features, labels, features, labels)
    assert max(map(abs, own.values())) < 1e-6
    assert min(class_distances(features, labels, features, labels.roll(1)).values()) > 1e-3
