from __future__ import annotations

import pytest
import torch
from small_cells import make_data

from ganbench.base.pixels import to_float, to_uint8
from ganbench.components.data import ImageData
from ganbench.training.batches import HostBatches, ResidentBatches, StreamedBatches
from ganbench.training.order import Order
from ganbench.training.variation import Variation

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
    resident = ResidentBatches(data, Order(30, 5), 8, Variation(None))
    streamed = StreamedBatches(
        _Lazy(data), Order(30, 5), 8, CPU, Variation(None), workers, labeled=True
    )
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
    plain = ResidentBatches(data, Order(2000, 0), 2000, Variation(None)).next().images
    flipped = ResidentBatches(data, Order(2000, 0), 2000, Variation(flip)).next().images
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


def _pairs(count: int, paired: bool) -> ImageData:
    images = torch.arange(count, dtype=torch.uint8)[:, None, None, None].repeat(1, 3, 6, 6)
    images[..., 0] += 100  # so that a mirrored image differs
    sources = images[:, :1].clone() if paired else images[: count - 3, :1].clone()
    return ImageData(images, sources=sources, paired=paired)


def test_pairs_stay_together_and_are_mirrored_and_cropped_alike():
    data = _pairs(20, paired=True)
    random = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    batches = ResidentBatches(data, Order(20, 0), 16, Variation(*random, jitter=2))
    batch = batches.next()
    assert batch.sources is not None
    assert torch.equal(batch.images[:, :1], batch.sources)
    plain = ResidentBatches(data, Order(20, 0), 16, Variation(None)).next()
    assert not torch.equal(batch.images, plain.images)


def test_unpaired_sources_come_in_an_order_of_their_own_and_follow_from_the_position():
    data = _pairs(20, paired=False)
    batches = ResidentBatches(data, Order(20, 0), 8, Variation(None))
    seen = [batches.next() for _ in range(4)]
    assert not torch.equal(seen[0].images[:, :1], seen[0].sources)
    batches.seek(16)
    assert torch.equal(batches.next().sources, seen[2].sources)
    everything = torch.cat([batch.sources[:, 0, 0, 1] for batch in seen])[:17]
    assert len(everything.unique()) == 17


def test_a_jittered_image_is_a_crop_of_the_enlarged_one():
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    (crop,) = Variation(None, torch.Generator().manual_seed(3), jitter=4).apply(image)
    large = torch.nn.functional.interpolate(image, (12, 12), mode="bilinear")
    places = [large[..., y : y + 8, x : x + 8] for y in range(5) for x in range(5)]
    assert any(torch.equal(crop, place) for place in places)


def kinds(each):
    """The same batches from data on the device, in the host's memory, and from a stream."""
    data = make_data(30).source

    def variation():
        streams = [torch.Generator().manual_seed(n) for n in range(2)]
        return Variation(*streams, jitter=2)

    return [
        ResidentBatches(data, Order(30, 5), 8, variation(), each),
        HostBatches(data, Order(30, 5), 8, variation(), each, CPU),
        StreamedBatches(_Lazy(data), Order(30, 5), 8, CPU, variation(), 0, True, each),
    ]


def some(batches, steps, held=False):
    """The batches of some steps, with a look ahead in the middle."""
    if held:
        batches.hold()
    found = []
    batches.load(steps)
    for step in range(steps):
        if step == 2:
            batches.mark()
            for _ in range(3):
                batches.begin_step()
            batches.rewind()
            batches.release()
        batches.begin_step()
        for _ in range(batches.each):
            batch = batches.next()
            # Held inputs stay as they are until the next step.
            found.append(
                batch._replace(labels=None if batch.labels is None else batch.labels.clone())
            )
    return found


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("each", [1, 3])
def test_batches_are_the_same_from_everywhere_and_after_steps_on_trial(each, held):
    plain, *others = kinds(each)
    expected = [plain.next() for _ in range(5 * each)]
    for batches in (*others, kinds(each)[0]):
        for one, other in zip(expected, some(batches, 5, held), strict=True):
            assert torch.equal(one.images, other.images)
            assert torch.equal(one.labels, other.labels)
        assert batches.position == plain.position


@pytest.mark.parametrize("held", [False, True])
def test_batches_restart_with_the_order_of_another_seed(held):
    for batches, plain in zip(kinds(1), kinds(1), strict=True):
        some(batches, 4, held)
        batches.restart(5)
        batches._variation = plain._variation
        again = some(batches, 3)
        kept = [plain.next() for _ in range(3)]
        assert all(torch.equal(a.labels, b.labels) for a, b in zip(again, kept, strict=True))


def test_unpaired_sources_have_an_order_of_their_own_in_every_step():
    noise = torch.Generator().manual_seed(0)
    images, sources = (
        torch.randint(0, 256, (n, 1, 4, 4), dtype=torch.uint8, generator=noise) for n in (12, 9)
    )
    data = ImageData(images, None, sources=sources, paired=False)
    one = ResidentBatches(data, Order(12, 5), 4, Variation(None), 2)
    other = HostBatches(data, Order(12, 5), 4, Variation(None), 2, CPU)
    for a, b in zip(some(one, 4), some(other, 4), strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.sources, b.sources)
