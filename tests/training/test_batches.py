from __future__ import annotations

import pytest
import torch
from small_cells import make_data

from ganbench.training.batches import (
    Order,
    ResidentBatches,
    StreamedBatches,
    to_float,
    to_uint8,
)

CPU = torch.device("cpu")


def test_every_epoch_shows_every_sample_once_in_another_order():
    order = Order(10, seed=0)
    epochs = [order.indices(10 * epoch, 10).tolist() for epoch in range(3)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("start", [0, 3, 27])
def test_a_batch_follows_from_its_position_alone(start):
    whole = Order(10, seed=0).indices(0, 60)
    # A batch may be larger than the data set and cross several epochs.
    assert torch.equal(Order(10, seed=0).indices(start, 25), whole[start : start + 25])


class _Lazy(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.data.images[index], self.data.labels[index]


@pytest.mark.parametrize("workers", [0, 1])
def test_streamed_batches_equal_resident_ones_also_after_a_seek(workers):
    data = make_data(30).source
    resident = ResidentBatches(data, Order(30, 5), 8, None)
    streamed = StreamedBatches(_Lazy(data), Order(30, 5), 8, CPU, None, workers, labelled=True)
    for _ in range(5):
        ours, theirs = resident.next(), streamed.next()
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.labels, theirs.labels)
    resident.seek(8)
    streamed.seek(8)
    assert torch.equal(resident.next().images, streamed.next().images)


def test_flipping_mirrors_about_half_of_the_images_and_nothing_else():
    data = make_data(2000, size=4).source
    flip = torch.Generator().manual_seed(0)
    plain = ResidentBatches(data, Order(2000, 0), 2000, None).next().images
    flipped = ResidentBatches(data, Order(2000, 0), 2000, flip).next().images
    same = (flipped == plain).flatten(1).all(1)
    mirrored = (flipped == plain.flip(3)).flatten(1).all(1)
    assert bool((same | mirrored).all())
    assert 900 < int(mirrored.sum()) < 1100


def test_scaling_covers_minus_one_to_one_and_rounds_half_up_on_the_way_back():
    values = torch.arange(256, dtype=torch.uint8)
    scaled = to_float(values)
    assert scaled.min() == -1
    assert scaled.max() == 1
    assert torch.equal(to_uint8(scaled), values)
    halves = (torch.tensor([0.0, 1.0, 254.0]) + 0.5) / 127.5 - 1
    assert to_uint8(halves).tolist() == [1, 2, 255]
    assert to_uint8(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]
