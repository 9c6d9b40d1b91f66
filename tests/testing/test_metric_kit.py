"""The suite of metrics: it passes those that are right, and names what is wrong with the others."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

import ganbench as gb
from ganbench.testing import MetricTests

HUE = gb.Column("hue", better="lower", meaning="distance of mean colours")


class Hue(gb.Metric):
    """Distance of mean colours."""

    needs = ("images",)
    columns = (HUE,)

    def reference(self, real):
        return {"mean": self.mean(real)}

    def compute(self, fake, reference):
        return {"hue": self.value(fake, reference)}

    def value(self, fake, reference):
        return float((self.mean(fake) - reference["mean"]).norm())

    def mean(self, side):
        return side.images.double().mean((0, 2, 3))


class Lying(Hue):
    columns = (dataclasses.replace(HUE, better="higher"),)


class Indifferent(Hue):
    def value(self, fake, reference):
        return 1.0


class Prying(Hue):
    def mean(self, side):
        return side.images.double()[side.labels == 1].mean((0, 2, 3))


class Idle(Hue):
    needs = ("images", "features")


class Tensors(Hue):
    def value(self, fake, reference):
        return (self.mean(fake) - reference["mean"]).norm()


class Misnamed(Hue):
    columns = (dataclasses.replace(HUE, name="Hue", meaning=""),)


class Noisy(Hue):
    def value(self, fake, reference):
        return super().value(fake, reference) + 0.1 * float(torch.randn(()))


class FirstOnly(Hue):
    def mean(self, side):
        return side.images[:100].double().mean((0, 2, 3))


class Overwriting(Hue):
    needs = ("features",)

    def mean(self, side):
        return side.features.sub_(side.features.mean(0)).square().mean(0)


class Unstorable(Hue):
    def reference(self, real):
        return {"mean": self.mean(real).tolist()}

    def compute(self, fake, reference):
        return {"hue": float((self.mean(fake) - torch.tensor(reference["mean"])).norm())}


class Missing(Hue):
    def value(self, fake, reference):
        return math.nan


class NeedsMany(Hue):
    def mean(self, side):
        if len(side) < 10:
            raise ValueError("too few")
        return super().mean(side)


class Insisting(Hue):
    needs = ("images", "labels")
    optional = ("labels",)

    def mean(self, side):
        return super().mean(side) + 0 * side.labels.double().mean()


class Share(Hue):
    columns = (dataclasses.replace(HUE, scale="share"),)


DIRECTION, READS = (
    "test_damaged_samples_are_worse",
    "test_it_reads_what_its_needs_name_and_no_more",
)
VALUE = "test_every_column_has_a_value_on_normal_samples"


def failures(component, **attributes):
    """Names of the suite's tests that fail, each with the error's text."""
    tests = type("Suite", (MetricTests,), {"component": component, **attributes})()
    found = {}
    for name in dir(tests):
        if name.startswith("test_"):
            try:
                getattr(tests, name)()
            except Exception as error:
                found[name] = f"{type(error).__name__}: {error}"
    return found


def test_a_sound_metric_passes():
    assert failures(Hue()) == {}


@pytest.mark.parametrize(
    ("metric", "test", "message"),
    [
        (Lying(), DIRECTION, "hue has better='higher', and is"),
        (Indifferent(), DIRECTION, "no damage makes it worse than the 1 to 1 of good samples"),
        (Missing(), VALUE, "hue is nan on normal samples"),
        (Share(), VALUE, "share hue is"),
        (Prying(), READS, "Prying reads 'labels', but its needs do not name it; write needs ="),
        (Idle(), READS, "needs name features, which it does not read"),
        (Tensors(), VALUE, "hue is Tensor"),
        (Misnamed(), "test_its_columns_describe_themselves", "use lower-case letters"),
        (Noisy(), "test_the_same_sets_give_the_same_values", "draws from a global random state"),
        (FirstOnly(), "test_the_order_of_the_samples_does_not_matter", "ordered = True"),
        (
            Overwriting(),
            "test_sets_and_references_stay_as_they_are",
            "it changes the real features",
        ),
        (Unstorable(), "test_a_reference_can_be_stored", "'mean' must be a tensor"),
        (NeedsMany(), "test_few_samples_are_no_error", "too few"),
        (Insisting(), "test_it_works_without_what_is_optional", "the samples have no labels"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, gb.Metric) else "",
)
def test_what_is_wrong_is_named(metric, test, message):
    found = failures(metric)
    assert message in found[test], found


def test_an_author_can_name_what_a_metric_does_not_see():
    every = ["noise", "shift", "lost mode", "repeats"]
    assert "no damage makes it worse" in failures(Hue(), blind={"hue": every})[DIRECTION]
    assert "the damages are noise" in failures(Hue(), blind={"hue": ["blur"]})[DIRECTION]
    assert failures(FirstOnly(), ordered=True) == {}
