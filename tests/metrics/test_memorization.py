"""Copies of training samples, against the definitions pair by pair and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

import ganbench as gb
from ganbench.testing import feature_set
from ganbench_metrics import distances as module
from ganbench_metrics.authenticity import authentic
from ganbench_metrics.copying import Cells, c_t


def normal(seed: int, n: int, d: int = 6) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("at_once", [100, 2**23], ids=["in blocks", "at once"])
def test_the_nearest_neighbours_are_those_of_scikit_learn(monkeypatch, at_once):
    monkeypatch.setattr(module, "_ELEMENTS_AT_ONCE", at_once)
    points, among = normal(1, 30), normal(2, 70)
    distances, rows = gb.nearest_neighbours(points, among, 4)
    expected = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(among.double().numpy())
    theirs = expected.kneighbors(points.double().numpy())
    np.testing.assert_allclose(distances.numpy(), theirs[0], rtol=1e-12)
    assert (rows.numpy() == theirs[1]).all()
    with pytest.raises(ValueError, match="k must be from 1 to the 70 rows of among, got 71"):
        gb.nearest_neighbours(points, among, 71)


def by_pairs(real: torch.Tensor, fake: torch.Tensor) -> list[bool]:
    found = []
    for sample in fake.double():
        to_real = [(sample - other).norm().item() for other in real.double()]
        nearest = int(np.argmin(to_real))
        rest = [
            (real[nearest].double() - other).norm().item()
            for row, other in enumerate(real.double())
            if row != nearest
        ]
        found.append(min(rest) < to_real[nearest])
    return found


@pytest.mark.parametrize("at_once", [100, 2**23], ids=["in blocks", "at once"])
def test_authenticity_is_its_definition(monkeypatch, at_once):
    monkeypatch.setattr(module, "_ELEMENTS_AT_ONCE", at_once)
    real, fake = normal(1, 60), normal(2, 40)
    expected = by_pairs(real, fake)
    assert 5 < sum(expected) < 35
    assert authentic(real, fake).tolist() == expected
    lattice = (real * 2).round() + 1e3, (fake * 2).round() + 1e3  # many distances tie
    assert authentic(*lattice).tolist() == by_pairs(*lattice)


def test_copies_are_not_authentic_and_samples_far_away_are():
    real = normal(1, 2000) + 50
    fake = normal(2, 2000) + 50
    assert not bool(authentic(real, real[:500] + 1e-4 * normal(3, 500)).any())
    assert bool(authentic(real, fake + 100).all())
    assert 0.4 < authentic(real, fake).double().mean() < 0.6


def test_the_percentage_is_of_a_fixed_choice_of_fakes_among_all_real_samples():
    real, fake = normal(1, 300), normal(2, 90)
    metric = gb.get("metric", "authpct[samples=50]")
    reference = metric.reference(feature_set(features=real))
    assert reference["features"] is real
    found = metric.compute(feature_set(features=fake), reference)
    rows = np.sort(np.random.RandomState(2020).choice(90, 50, replace=False))
    assert found.values == {"authpct": pytest.approx(2 * sum(by_pairs(real, fake[rows])))}
    assert found.note == "50 fake and 300 real images"


def by_library(train: np.ndarray, test: np.ndarray, fake: np.ndarray) -> float:
    """C_T with scikit-learn's parts, and the Mann-Whitney statistic pair by pair."""
    if train.shape[1] > 64:
        axes = PCA(64, svd_solver="full").fit(train)
        train, test, fake = (axes.transform(side) for side in (train, test, fake))
    cells = KMeans(3, n_init=10, random_state=2020).fit(train)
    of_train, of_test, of_fake = (cells.predict(side) for side in (train, test, fake))
    scores, weights = [], []
    for cell in range(3):
        p, q = test[of_test == cell], fake[of_fake == cell]
        if len(q) <= 20:
            continue
        tree = NearestNeighbors(n_neighbors=1).fit(train[of_train == cell])
        near_p, near_q = (tree.kneighbors(side)[0] for side in (p, q))
        u = (near_q > near_p.T).sum() + (near_q == near_p.T).sum() / 2
        n, m = len(p), len(q)
        scores.append((u - (n * m / 2 - 0.5)) / np.sqrt(n * m * (n + m + 1) / 12))
        weights.append(n / len(test))
    return float(np.average(scores, weights=weights))


@pytest.mark.parametrize("width", [6, 80], ids=["few features", "many"])
def test_c_t_is_the_test_of_its_paper(width):
    shift = 4 * torch.eye(width)[torch.arange(400) % 3]
    train, test, fake = (normal(seed, 400, width) + shift for seed in (1, 2, 3))
    for generated in (fake, 1.3 * fake, fake[torch.arange(400) % 3 != 1]):  # the last lacks a cell
        ours = c_t(Cells.of(train, test), generated)
        theirs = by_library(*(side.double().numpy() for side in (train, test, generated)))
        assert ours == pytest.approx(theirs, rel=1e-9)


def test_c_t_tells_copies_from_new_samples_and_from_bad_ones():
    train, test, fresh = normal(1, 600), normal(2, 300), normal(3, 300)
    cells = Cells.of(train, test)
    assert abs(c_t(cells, fresh)) < 2
    assert c_t(cells, train[:300] + 0.01 * fresh) < -5
    assert c_t(cells, 1.5 * fresh) > 3


def test_the_test_needs_held_out_samples_and_enough_fakes():
    metric = gb.get("metric", "ct")
    train, test, fake = normal(1, 300), normal(2, 200), normal(3, 250)
    reference = metric.reference(feature_set(features=train, held_out=test))
    found = metric.compute(feature_set(features=fake), reference)
    assert found.values == {"ct": c_t(Cells.of(train, test), fake)}
    assert found.details == {"n_real": 300, "n_held_out": 200, "n_fake": 250, "cells": 3}
    few = metric.compute(feature_set(features=fake[:20]), reference)
    assert np.isnan(few.values["ct"])
    assert "more than 20 fakes" in few.reason
    with pytest.raises(LookupError, match="the samples have no held out"):
        metric.reference(feature_set(features=train))


def test_equal_training_samples_are_one_cell():
    cells = Cells.of(torch.ones(40, 3), torch.ones(30, 3) + 0.1)
    assert c_t(cells, torch.ones(30, 3)) < -5
