"""The pass of samples through networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import ganbench as gb
from ganbench.components.extractor import FeatureNetwork, Features
from ganbench.evaluation import features
from ganbench.evaluation.features import NotFiniteError, choice, part_of, run_pass
from ganbench.evaluation.sources import Batch, Source, TensorSource

CPU = torch.device("cpu")
EVERYTHING = ("images", "features", "class_logits")


class InParts(Source):
    """Images whose only pixel is their place, in these parts."""

    kind = "images"

    def __init__(self, count, *parts):
        super().__init__("made up", count, 1, {(1, 1): count})
        self._parts = parts

    def content(self):
        return None

    def batches(self, positions, channels, size):
        for part in map(np.array, self._parts):
            yield Batch(part, torch.from_numpy(part.astype(np.uint8)).view(-1, 1, 1, 1))


def network(name="means", batch_size=4, scale=1.0, seen=None):
    def forward(batch):
        if seen is not None:
            seen.append(len(batch))
        found = scale * batch.float().flatten(1)
        return Features(found, found.repeat(1, 3))

    return FeatureNetwork(name, forward, batch_size=batch_size)


def passed(source, *networks, places=None, keep=EVERYTHING):
    places = source.places() if places is None else places
    return run_pass(source, places, source.channels, networks, keep, CPU)


def noise(count=60):
    return torch.randint(256, (count, 1, 3, 3), generator=torch.Generator().manual_seed(1)).byte()


@pytest.mark.parametrize("sizes", [[10], [1] * 10, [3, 3, 3, 1], [5, 5], [4, 4, 2], [9, 1]])
def test_a_pass_has_the_networks_own_batches_however_the_samples_come(sizes):
    parts = np.split(np.arange(10), np.cumsum(sizes)[:-1])
    seen: list[int] = []
    found = passed(InParts(10, *parts), network(seen=seen)).sets[0]
    assert seen == [4, 4, 2]
    assert found.features[:, 0].tolist() == list(range(10))


def test_rows_come_back_in_the_order_of_their_places():
    found = passed(InParts(6, [4, 1], [5, 0]), network())  # places 2 and 3 are of broken files
    rows = found.sets[0]
    assert found.count == rows.count == rows.size == 4
    for part in (rows.features, rows.class_logits, rows.images.flatten(1)):
        assert part[:, 0].tolist() == [0, 1, 4, 5]


def test_several_networks_see_the_same_samples_each_in_its_own_batches():
    first, second = network(batch_size=4), network("twice", batch_size=7, scale=2.0)
    source = TensorSource("made up", noise())
    both = passed(source, first, second).sets
    alone = [passed(source, one).sets[0] for one in (first, second)]
    for mine, theirs in zip(both, alone, strict=True):
        assert torch.equal(mine.features, theirs.features)
        assert torch.equal(mine.moments.cov, theirs.moments.cov)
        assert torch.equal(mine.images, theirs.images)


def test_of_very_many_samples_all_make_the_moments_and_a_choice_the_rest(monkeypatch):
    images, labels = noise(), torch.arange(60)
    source = TensorSource("made up", images, labels)
    whole = passed(source, network()).sets[0]
    monkeypatch.setattr(features, "POOL", 25)
    found = passed(source, network()).sets[0]
    assert (found.count, found.size) == (60, 25)
    assert torch.equal(found.moments.cov, whole.moments.cov)
    chosen = torch.from_numpy(choice(60, 25))
    assert torch.equal(found.features, whole.features[chosen])
    assert torch.equal(found.class_logits, whole.class_logits[chosen])
    assert torch.equal(found.images, images[chosen])
    assert torch.equal(found.labels, chosen)


def test_what_no_metric_reads_is_not_kept():
    found = passed(TensorSource("made up", noise()), network(), keep=()).sets[0]
    assert found.moments.n == 60
    lacking = [need for need in (*EVERYTHING, "labels", "pairs") if found.lacks(need)]
    assert lacking == [*EVERYTHING, "labels", "pairs"]


def test_features_that_are_not_finite_are_an_error():
    broken = FeatureNetwork("broken", lambda x: Features(x.float().flatten(1).log()))
    with pytest.raises(NotFiniteError, match="some features of made up are not finite"):
        passed(TensorSource("made up", torch.zeros_like(noise())), broken)


@pytest.mark.parametrize(("parts", "number"), [([[1]], "1 image"), ([], "no images")])
def test_one_sample_is_too_few(parts, number):
    with pytest.raises(gb.UsageError, match=f"made up has {number} that can be read.* at least 2"):
        passed(InParts(2, *parts), network())


def test_part_of_the_samples_has_moments_of_its_own():
    found = passed(TensorSource("made up", noise(), torch.arange(60)), network()).sets[0]
    rows = torch.tensor([3, 8, 40])
    part = part_of(found, rows)
    assert (part.count, part.size) == (3, 3)
    assert torch.equal(part.features, found.features[rows])
    assert torch.equal(part.labels, rows)
    expected = np.cov(found.features[rows].double().numpy(), rowvar=False)
    assert part.moments.cov.numpy() == pytest.approx(expected)


def test_a_choice_is_ascending_and_always_the_same():
    assert choice(5, 9).tolist() == [0, 1, 2, 3, 4]
    assert choice(1000, 7).tolist() == sorted(set(choice(1000, 7).tolist()))
    assert len(choice(1000, 7)) == 7
    assert (choice(1000, 7) == choice(1000, 7)).all()
