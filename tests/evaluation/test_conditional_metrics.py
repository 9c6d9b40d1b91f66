"""Metrics of class-conditional generation, against each class taken out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import ganbench as gb
from ganbench import DataSpec, FeatureNetwork, Features
from ganbench.evaluation.conditional import class_distances, conditional_metrics
from ganbench.evaluation.evaluator import Evaluator
from ganbench.evaluation.reference import Protocol, RealStatistics, real_statistics
from ganbench.grid.settings import EvaluationSettings
from ganbench.testing.harness import MadeUpData

CLASSES, COUNT = 3, 90
DATA = DataSpec(1, 4, 4, classes=CLASSES)


def samples(seed: int, shift: float = 0.0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return (0.3 * torch.randn(COUNT, 1, 4, 4, generator=random) + shift).clamp(-1, 1)


def labels_of(seed: int) -> Tensor:
    return torch.randint(CLASSES, (COUNT,), generator=torch.Generator().manual_seed(seed))


def forward(images: Tensor) -> Features:
    """Pixels as features; the classifier looks at the first ones."""
    flat = images.flatten(1).float() / 255
    return Features(flat, flat[:, :CLASSES])


def real_samples(labelled: bool, count: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    images = ((samples(1)[:count] + 1) * 127.5).to(torch.uint8)
    labels = labels_of(2)[:count]
    for rows, classes in zip(images.split(25), labels.split(25), strict=True):
        yield rows, classes if labelled else None


def statistics(cache: Path, labelled: bool = True, kept: int = COUNT) -> RealStatistics:
    network = FeatureNetwork("test", forward)
    protocol = Protocol("train", COUNT, kept, 50, 3)
    key = f"content of {labelled} {kept}"
    return real_statistics(
        lambda count: real_samples(labelled, count), key, network, protocol, cache
    )


def evaluator(real: RealStatistics, classifies: bool = True) -> Evaluator:
    return Evaluator(
        DATA,
        MadeUpData(),
        FeatureNetwork("test", forward, classifies=classifies),
        real,
        Protocol("train", COUNT, COUNT, 50, 3),
        EvaluationSettings(samples=COUNT, kid_subset_size=20, kid_subsets=3),
    )


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


def test_means_worst_classes_and_the_share_of_hits(tmp_path: Path) -> None:
    real, fake = statistics(tmp_path), forward(samples(3, 0.2)).features
    ours, logits = labels_of(4), torch.randn(COUNT, CLASSES)
    assert real.labels is not None
    distances = class_distances(real.features, real.labels, fake, ours).values()
    hits = [row.argmax() == label for row, label in zip(logits, ours, strict=True)]
    assert conditional_metrics(real, fake, ours, logits) == {
        "class_fd_mean": pytest.approx(sum(distances) / CLASSES),
        "class_fd_worst": max(distances),
        "class_accuracy": pytest.approx(sum(map(int, hits)) / COUNT),
    }


def test_what_is_not_defined_is_left_out(tmp_path: Path) -> None:
    features, labels = torch.randn(3, 16), torch.tensor([0, 1, 2])
    real = statistics(tmp_path)
    assert conditional_metrics(real, features, labels, None) == {}
    assert conditional_metrics(real, features, labels, torch.eye(3)) == {"class_accuracy": 1.0}
    with pytest.raises(ValueError, match="3 samples need as many labels"):
        conditional_metrics(real, features, labels[:2], None)


def test_an_evaluation_with_labels_adds_them_and_changes_nothing_else(tmp_path: Path) -> None:
    real, fakes, labels = statistics(tmp_path), samples(5, 0.1), labels_of(6)
    plain = evaluator(real).evaluate(fakes.split(40))
    assert not any(name.startswith("class_") for name in plain)
    told = evaluator(real).evaluate(fakes.split(40), labels)
    assert set(told) - set(plain) == {"class_fd_mean", "class_fd_worst", "class_accuracy"}
    assert {name: told[name] for name in plain} == pytest.approx(plain, nan_ok=True)
    features = forward(((fakes + 1) * 127.5 + 0.5).clamp(0, 255).to(torch.uint8)).features
    expected = [
        gb.frechet_distance(real.features[labels_of(2) == c], features[labels == c])
        for c in range(CLASSES)
    ]
    assert told["class_fd_worst"] == pytest.approx(max(expected))
    hits = (features[:, :CLASSES].argmax(1) == labels).double().mean().item()
    assert told["class_accuracy"] == pytest.approx(hits)


def test_logits_over_other_classes_and_unlabelled_data_give_no_numbers(tmp_path: Path) -> None:
    fakes, labels = samples(5), labels_of(6)
    foreign = evaluator(statistics(tmp_path), classifies=False).evaluate([fakes], labels)
    assert "class_fd_mean" in foreign
    assert "class_accuracy" not in foreign
    unlabelled = evaluator(statistics(tmp_path, labelled=False)).evaluate([fakes], labels)
    assert "class_fd_mean" not in unlabelled
    assert "class_accuracy" in unlabelled


def test_samples_that_are_not_finite_have_no_metric(tmp_path: Path) -> None:
    fakes = samples(5)
    fakes[3] = torch.nan
    metrics = evaluator(statistics(tmp_path)).evaluate([fakes], labels_of(6))
    assert all(value != value for value in metrics.values())


@pytest.mark.parametrize("kept", [COUNT, 60])
def test_labels_of_the_kept_features_come_back_from_the_cache(tmp_path: Path, kept: int) -> None:
    for _ in range(2):  # computed, then read
        real = statistics(tmp_path, kept=kept)
        assert len(real.features) == kept
        assert real.labels is not None
        assert torch.equal(real.labels, labels_of(2)[:kept])
    assert statistics(tmp_path, labelled=False).labels is None
    assert statistics(tmp_path, labelled=False).labels is None


def test_real_samples_lie_in_their_own_class(tmp_path: Path) -> None:
    """The distance of a class to itself is zero; with labels exchanged it is not."""
    real = statistics(tmp_path)
    assert real.labels is not None
    features, labels = real.features, real.labels
    own = class_distances(features, labels, features, labels)
    assert max(map(abs, own.values())) < 1e-6
    assert min(class_distances(features, labels, features, labels.roll(1)).values()) > 1e-3


def test_the_small_classifier_names_the_classes_of_its_data(tmp_path: Path) -> None:
    data = gb.ImageData(
        torch.randint(256, (6, 1, 8, 8), dtype=torch.uint8), torch.arange(6) % CLASSES
    )
    context = gb.ExtractorContext(
        data.spec, lambda split: data, "key", tmp_path, torch.device("cpu"), lambda line: None
    )
    assert gb.get("extractor", "small-cnn[steps=2]").prepare(context).classifies
    assert not gb.get("extractor", "pixels").prepare(context).classifies
