"""The metrics beside torch-fidelity's own, on the same features, in the same process."""

from __future__ import annotations

import pytest
import torch

from ganbench.base.vision import import_torchvision
from ganbench_metrics.classifier_score import classifier_score
from ganbench_metrics.frechet import frechet_distance
from ganbench_metrics.kernel_distance import kernel_distance


@pytest.fixture(scope="module")
def features():
    import_torchvision()  # torch-fidelity imports it unguarded
    noise = torch.Generator().manual_seed(0)
    mixing = torch.randn(64, 64, generator=noise, dtype=torch.float64) / 8
    real, fake = (
        torch.randn(1500, 64, generator=noise, dtype=torch.float64) @ mixing for _ in range(2)
    )
    return real.relu(), (1.1 * fake + 0.05).relu()


def test_the_frechet_distance_is_the_same(features):
    from torch_fidelity import metric_fid

    statistics = [metric_fid.fid_features_to_statistics(x) for x in features]
    theirs = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
    assert frechet_distance(*features) == pytest.approx(*theirs.values(), rel=1e-6)


def test_the_classifier_score_is_the_inception_score(features):
    from torch_fidelity import metric_isc

    logits = features[1].float() * 3
    theirs = metric_isc.isc_features_to_metric(logits, splits=10, shuffle=True, rng_seed=2020)
    assert classifier_score(logits) == pytest.approx(tuple(theirs.values()), rel=1e-9)


def test_the_kernel_distance_is_the_same_with_the_same_subsets(features):
    from torch_fidelity import metric_kid

    real, fake = features
    theirs = metric_kid.kid_features_to_metric(
        fake, real, kid_subsets=20, kid_subset_size=500, rng_seed=2020, verbose=False
    )
    ours = kernel_distance(real, fake, subsets=20, subset_size=500)
    assert ours == pytest.approx(tuple(theirs.values()), rel=1e-6)
