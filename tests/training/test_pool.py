"""The pool of generated images that the discriminator is shown again."""

from __future__ import annotations

import pytest
import torch

from ganbench.training.pool import ImagePool

CPU = torch.device("cpu")


def numbered(start, count):
    return torch.arange(start, start + count).float()[:, None, None, None]


def test_images_pass_while_the_pool_fills():
    pool = ImagePool(6, (1, 1, 1), CPU)
    random = torch.Generator().manual_seed(0)
    assert torch.equal(pool.exchange(numbered(0, 4), random), numbered(0, 4))
    assert torch.equal(pool.exchange(numbered(4, 2), random), numbered(4, 2))
    assert torch.equal(pool.state["images"], numbered(0, 6))


def test_nothing_is_lost_or_doubled():
    pool = ImagePool(5, (1, 1, 1), CPU)
    random = torch.Generator().manual_seed(0)
    shown = [pool.exchange(numbered(3 * k, 3), random) for k in range(100)]
    left = torch.cat([*shown, pool.state["images"]]).flatten().tolist()
    # The first five were shown when they were stored; then each image is shown once or still kept.
    assert sorted(left) == sorted([*range(300), *range(5)])


def test_half_of_the_images_come_from_the_pool_and_ages_are_geometric():
    size, count = 10, 20_000
    pool = ImagePool(size, (1, 1, 1), CPU)
    random = torch.Generator().manual_seed(1)
    shown = torch.cat([pool.exchange(numbered(k, 1), random) for k in range(count)]).flatten()
    ages = (torch.arange(count) - shown)[size * 50 :]
    assert (ages == 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    # An image is kept until it is drawn, with chance 1 / (2 * size) at each image: 2 * size on average.
    assert ages[ages > 0].mean().item() == pytest.approx(2 * size, rel=0.05)


def test_a_resumed_pool_goes_on_alike():
    pools = [ImagePool(4, (1, 1, 1), CPU) for _ in range(2)]
    random = torch.Generator().manual_seed(0)
    for k in range(6):
        pools[0].exchange(numbered(k, 1), random)
    pools[1].state["images"].copy_(pools[0].state["images"])
    pools[1].resume(6)
    state = random.get_state()
    first = pools[0].exchange(numbered(6, 3), random)
    random.set_state(state)
    assert torch.equal(first, pools[1].exchange(numbered(6, 3), random))
