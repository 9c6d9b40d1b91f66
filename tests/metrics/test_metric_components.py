"""The metrics as components: what they call their numbers, and what they say beside them."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch

import ganbench as gb
from ganbench.testing import feature_set
from ganbench_metrics.class_distances import class_distances
from ganbench_metrics.extrapolation import extrapolate
from ganbench_metrics.frechet import Reference

STANDARD = gb.FeatureNetwork("inception", lambda x: gb.Features(x), standard_fid=True)
NAN = pytest.approx(np.nan, nan_ok=True)


def features(seed: int, n: int = 120, d: int = 6, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) + shift


def measure(spec: str, real: gb.FeatureSet | None, fake: gb.FeatureSet) -> gb.Measured:
    metric = gb.get("metric", spec)
    reference = {} if real is None else metric.reference(real.only(metric.needs, spec))
    return metric.compute(fake.only(metric.needs, spec), reference)


REAL, FAKE = feature_set(features=features(1)), feature_set(features=features(2, shift=0.5))


def test_reading_the_columns_of_every_metric_needs_no_torch():
    code = (
        "import sys, ganbench as gb\n"
        "for info in gb.components('metric').values(): assert info.cls.columns, info.name\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_column_is_described_and_has_one_owner():
    columns = [c for info in gb.components("metric").values() for c in info.cls.columns]
    assert [c.problem() for c in columns] == [None] * len(columns)
    assert all(c.meaning for c in columns)
    names = [c.name for c in columns]
    assert len(names) == len(set(names))
    assert {c.spread_of for c in columns} - {""} <= set(names)


@pytest.mark.parametrize("n", [120, 5], ids=["more samples than features", "fewer"])
def test_fd_is_the_frechet_distance(n):
    real, fake = features(1, n), features(2, shift=0.5)
    found = measure("fd", feature_set(features=real), feature_set(features=fake))
    assert found.values["fd"] == pytest.approx(gb.frechet_distance(real, fake), rel=1e-9)
    assert found.details == {"n_fake": 120, "n_real": n, "ddof": 1}


@pytest.mark.parametrize(
    ("network", "count", "named"),
    [(STANDARD, 50_000, True), (STANDARD, 10_000, False), (None, 50_000, False)],
)
def test_fid_is_fd_on_the_standard_network_with_50000_samples_only(network, count, named):
    fake = feature_set(features=features(2), extractor=network, count=count)
    values = measure("fd", REAL, fake).values
    assert values["fid"] == (values["fd"] if named else NAN)


def test_published_moments_are_a_reference_of_an_unknown_number():
    moments = gb.Moments(7, torch.zeros(6).double(), torch.eye(6).double())
    found = measure("fd", feature_set(moments=moments, count=0), FAKE)
    assert found.values["fd"] == pytest.approx(0.25 * 6, rel=0.5)
    assert found.details["n_real"] is None
    with pytest.raises(LookupError, match="no features"):
        measure("kid", feature_set(moments=moments, count=0), FAKE)


def test_the_extrapolated_distance_says_its_sizes_or_why_there_is_none():
    found = measure("fd-infinity", REAL, FAKE)
    expected = extrapolate(Reference.from_features(REAL.features), FAKE.features)
    assert expected is not None
    assert found.values == {"fd_infinity": pytest.approx(expected.intercept)}
    assert found.details["sizes"] == expected.sizes
    assert found.note == "15 sizes from 60 to 120"
    few = measure("fd-infinity", REAL, feature_set(features=features(2, 30)))
    assert few.values == {"fd_infinity": NAN}
    assert few.reason == "30 fake images are too few for 15 sizes"


def test_the_score_is_called_inception_score_on_the_standard_network_only():
    logits = features(3)
    plain = measure("is", None, feature_set(class_logits=logits))
    assert [plain.values["is_mean"], plain.values["is_std"]] == [NAN, NAN]
    named = measure("is", None, feature_set(class_logits=logits, extractor=STANDARD)).values
    assert (named["is_mean"], named["is_std"]) == (named["cs_mean"], named["cs_std"])
    assert named["cs_mean"] == plain.values["cs_mean"]
    assert plain.details == {"n_fake": 120, "splits": 10, "seed": 2020, "classes": 6}
    few = measure("is[splits=200]", None, feature_set(class_logits=logits))
    assert few.reason == "120 images are fewer than the 200 splits"


@pytest.mark.parametrize(
    ("size", "note", "spread"),
    [
        (50, "4 subsets of 50, ± between subsets", True),
        (1000, "4 subsets of 120, which are all fake and all real images", False),
    ],
)
def test_kid_says_whether_its_subsets_vary(size, note, spread):
    found = measure(f"kid[subsets=4,subset_size={size}]", REAL, FAKE)
    mean, _ = gb.kernel_distance(REAL.features, FAKE.features, 4, size)
    assert found.values["kid_mean"] == mean
    assert np.isfinite(found.values["kid_std"]) == spread
    assert found.note == note
    assert found.details["subset_size"] == min(size, 120)


def test_prdc_takes_a_fixed_choice_of_many_samples():
    found = measure("prdc[k=3,samples=50]", REAL, feature_set(features=features(2, 40)))
    rows = np.sort(np.random.RandomState(2020).choice(120, 50, replace=False))
    assert found.values == gb.prdc(REAL.features[rows], features(2, 40), 3)
    assert found.details == {"n_real": 50, "n_fake": 40, "k": 3, "seed": 2020}
    assert found.note == "k = 3, 40 fake and 50 real images"
    metric = gb.get("metric", "prdc")
    assert metric.reference(REAL)["features"] is REAL.features  # a copy would be stored again
    few = measure("prdc", feature_set(features=features(1, 4)), FAKE)
    assert few.reason == "4 images on one side are too few for the k = 5 nearest neighbors"
    assert set(few.values) == {"precision", "recall", "density", "coverage"}


def test_classes_are_measured_by_themselves():
    labels = torch.arange(120) % 3
    sides = [
        feature_set(features=s.features + labels[:, None], labels=labels) for s in (REAL, FAKE)
    ]
    found = measure("class-fd", *sides)
    expected = class_distances(sides[0].features, labels, sides[1].features, labels).values()
    assert found.values["class_fd_mean"] == pytest.approx(sum(expected) / 3)
    assert found.values["class_fd_worst"] == max(expected)
    assert found.values["class_accuracy"] == NAN


@pytest.mark.parametrize("classifies", [True, False])
def test_the_accuracy_is_that_of_a_classifier_of_the_data_alone(classifies):
    network = dataclasses.replace(STANDARD, classifies=classifies)
    labels = torch.arange(120) % 3
    logits = torch.eye(3)[labels.where(labels != 2, 0)]  # class 2 is taken for class 0
    fake = feature_set(features=features(2), labels=labels, class_logits=logits, extractor=network)
    found = measure("class-fd", feature_set(features=features(1), labels=labels), fake)
    assert found.values["class_accuracy"] == (pytest.approx(2 / 3) if classifies else NAN)


def test_pairs_and_modes_look_at_generated_samples_alone():
    images = torch.full((4, 1, 16, 16), 100, dtype=torch.uint8)
    found = measure("pairs", None, feature_set(images=images, pairs=images + 51))
    assert found.values["l1"] == pytest.approx(0.2)
    ring = gb.get("dataset", "ring[n=500]")
    points = ring.load("train", None).images
    found = measure("modes", None, feature_set(images=points, modes=ring.mixture()))
    assert found.values["modes"] == 8
    assert not any(gb.get("metric", name).compares for name in ("is", "pairs", "modes"))
