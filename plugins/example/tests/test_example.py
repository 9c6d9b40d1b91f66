"""The contract, checked by the suites that ganbench brings; what is special, by tests of our own."""

import ganbench_softhinge
import pytest
import torch
from ganbench_blobs import CLASSES, Blobs
from ganbench_hue import Hue
from ganbench_softhinge import SoftHinge
from ganbench_tinyupsampler import TinyUpsampler

import ganbench as gb
from ganbench.testing import (
    ArchitectureTests,
    DatasetTests,
    LossTests,
    MetricTests,
    feature_set,
    installed,
)


class TestSoftHinge(LossTests):
    component = SoftHinge(margin=0.5)


class TestTinyUpsampler(ArchitectureTests):
    component = TinyUpsampler(width=4, latent_dim=8)
    data = (gb.DataSpec(1, 8, 8), gb.DataSpec(3, 12, 20, classes=5))

    def test_sides_must_be_multiples_of_four(self):
        assert "multiples of 4" in self.component.problem(gb.DataSpec(1, 28, 30))


class TestBlobs(DatasetTests):
    component = Blobs(count=40)

    def test_every_class_is_drawn_equally_often(self):
        labels = self.component.load("train", self._root()).labels
        assert torch.bincount(labels).tolist() == [10] * len(CLASSES)


class TestHue(MetricTests):
    component = Hue(bins=12)


def colors(*shares):
    """Images of pure red, green and blue pixels in these numbers."""
    pixels = 255 * torch.eye(3).repeat_interleave(torch.tensor(shares), 0)
    return feature_set(images=pixels.T.reshape(1, 3, 1, -1).byte())


def test_the_hue_distance_is_the_share_of_colour_that_differs():
    reference = Hue().reference(colors(5, 3, 2))
    assert Hue().compute(colors(5, 3, 2), reference).values["hue"] == pytest.approx(0)
    assert Hue().compute(colors(2, 3, 5), reference).values["hue"] == pytest.approx(0.3)
    assert Hue().compute(colors(0, 0, 7), reference).values["hue"] == pytest.approx(0.8)
    gray = feature_set(images=torch.full((2, 1, 4, 4), 9, dtype=torch.uint8))
    assert Hue().compute(gray, reference).reason == "the images of one side are gray"


def test_large_margins_cost_more():
    logits = torch.zeros(4)
    narrow, wide = SoftHinge(margin=0.5), SoftHinge(margin=2.0)
    assert narrow.discriminator(logits, logits) < wide.discriminator(logits, logits)


def test_a_margin_of_nothing_is_refused():
    with installed(ganbench_softhinge):  # which the tests then need not be, by pip
        assert gb.get("loss", "soft-hinge[margin=2.0]") == SoftHinge(margin=2.0)
        with pytest.raises(gb.UsageError, match=r"margin=0\.0 is not allowed; it takes float"):
            gb.get("loss", "soft-hinge[margin=0.0]")
