"""Metrics of class-conditional generation, against each class taken out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import ganbench as gb
from ganbench import FeatureNetwork, Features
from ganbench.evaluation.feature_space import FeatureSpace, kept_parts
from ganbench.evaluation.measurer import Measurement, Measurer
from ganbench.evaluation.real_features import RealFeatures, RealSettings
from ganbench.evaluation.sources import TensorSource
from ganbench.registry import default_registry

CLASSES, COUNT = 3, 90
CPU = torch.device("cpu")
METRICS = [
    default_registry().bind("metric", spec)
    for spec in ("fd", "is", "kid[subset_size=20,subsets=3]", "prdc[k=3]", "class-fd")
]


def samples(seed: int, shift: float = 0.0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    images = (0.3 * torch.randn(COUNT, 1, 4, 4, generator=random) + shift).clamp(-1, 1)
    return ((images + 1) * 127.5).to(torch.uint8)


def labels_of(seed: int) -> Tensor:
    return torch.randint(CLASSES, (COUNT,), generator=torch.Generator().manual_seed(seed))


def forward(images: Tensor) -> Features:
    """Pixels as features; the classifier looks at the first ones."""
    flat = images.flatten(1).float() / 255
    return Features(flat, flat[:, :CLASSES])


def real_side(cache: Path, labelled: bool = True, kept: int = COUNT) -> RealFeatures:
    network = FeatureNetwork("test", forward, classifies=True)
    source = TensorSource("real", samples(1), labels_of(2) if labelled else None)
    settings = RealSettings(1, kept_parts(METRICS), CPU, cache)
    return RealFeatures(source, network, settings, places=np.arange(kept))


def measure(real: RealFeatures, labels: Tensor | None, classifies: bool = True) -> Measurement:
    network = FeatureNetwork("test", forward, classifies=classifies)
    measurer = Measurer(METRICS, [FeatureSpace("test", network, real)], 1, CPU)
    return measurer.measure(TensorSource("fake", samples(5, 0.1), labels))


def test_an_evaluation_with_labels_adds_them_and_changes_nothing_else(tmp_path: Path) -> None:
    real, labels = real_side(tmp_path), labels_of(6)
    plain = measure(real, None)
    assert plain.found["class-fd"].reason == "the samples have no labels"
    told = measure(real, labels).values
    for name, value in told.items():
        if name.startswith("class_"):
            assert np.isfinite(value)
        else:
            assert value == pytest.approx(plain.values[name], nan_ok=True, abs=0)
    features = forward(samples(5, 0.1)).features
    expected = [
        gb.frechet_distance(real.samples.features[labels_of(2) == c], features[labels == c])
        for c in range(CLASSES)
    ]
    assert told["class_fd_worst"] == pytest.approx(max(expected))
    assert told["class_fd_mean"] == pytest.approx(sum(expected) / CLASSES)
    hits = (features[:, :CLASSES].argmax(1) == labels).double().mean().item()
    assert told["class_accuracy"] == pytest.approx(hits)


def test_logits_over_other_classes_and_unlabelled_data_give_no_numbers(tmp_path: Path) -> None:
    foreign = measure(real_side(tmp_path), labels_of(6), classifies=False).values
    assert np.isfinite(foreign["class_fd_mean"])
    assert np.isnan(foreign["class_accuracy"])
    unlabelled = measure(real_side(tmp_path, labelled=False), labels_of(6))
    assert "no labels" in unlabelled.found["class-fd"].reason


@pytest.mark.parametrize("kept", [COUNT, 60])
def test_labels_of_the_kept_features_come_back_from_the_cache(tmp_path: Path, kept: int) -> None:
    for _ in range(2):  # computed, then read
        real = real_side(tmp_path, kept=kept).samples
        assert len(real.features) == kept
        assert torch.equal(real.labels, labels_of(2)[:kept])
        with pytest.raises(LookupError, match="the samples have no labels"):
            _ = real_side(tmp_path, labelled=False).samples.labels


def test_the_small_classifier_names_the_classes_of_its_data(tmp_path: Path) -> None:
    data = gb.ImageData(
        torch.randint(256, (6, 1, 8, 8), dtype=torch.uint8), torch.arange(6) % CLASSES
    )
    context = gb.ExtractorContext(
        data.spec, lambda split: data, "key", tmp_path, torch.device("cpu"), lambda line: None
    )
    assert gb.get("extractor", "small-cnn[steps=2]").prepare(context).classifies
    assert not gb.get("extractor", "pixels").prepare(context).classifies
