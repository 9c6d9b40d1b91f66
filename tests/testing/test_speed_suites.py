"""The benchmark suites of `ganbench.testing`: every kind has workloads that run again and again."""

from __future__ import annotations

import pytest
import torch

import ganbench as gb
from ganbench.registry import KINDS
from ganbench.testing import LossBenchmarks, Work, workload
from ganbench.testing.speed.clock import ready_seconds, timed
from ganbench.testing.speed.suites import SUITES, suite_of

#: A component of each kind, and its workloads.
SHIPPED = {
    "architecture": ("mlp", {"samples", "training"}),
    "loss": ("hinge", {"losses", "gradients", "training"}),
    "dataset": ("digits", {"loading"}),
    "regularizer": ("r1[every=2]", {"terms", "gradients", "training"}),
    "augmentation": ("diffaugment", {"images", "gradients", "training"}),
    "optimizer": ("adamw", {"steps", "training"}),
    "schedule": ("cosine", {"rates", "training"}),
    "extractor": ("pixels", {"features"}),
    "metric": ("prdc", {"reference", "values"}),
    "callback": ("csv", {"trial"}),
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Fewer images than usual."""
    monkeypatch.setattr(SUITES["metric"], "samples", 60)
    monkeypatch.setattr(SUITES["extractor"], "count", 4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_suite_whose_workloads_can_be_repeated(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec, names = SHIPPED[kind]
    suite = suite_of(kind, gb.get(kind, spec))
    assert set(suite.workloads()) == names
    for name in names:
        work = suite.prepare(name)
        work.run(2)
        work.close()
        assert work.amount > 0
    assert not list(tmp_path.iterdir())  # callbacks write elsewhere


@pytest.mark.parametrize("spec", ["mlp", "pix2pix", "cyclegan", "sagan"])
def test_an_architecture_is_timed_on_data_that_it_allows(spec):
    architecture = gb.get("architecture", spec)
    assert architecture.problem(suite_of("architecture", architecture)._data()) is None


class Hinge(LossBenchmarks):
    component = gb.get("loss", "hinge")

    @workload("the loss of many logits")
    def many(self):
        logits = torch.zeros(1000)
        return Work(lambda: self.component.discriminator(logits, logits), 1000, "logits")


def test_a_method_of_ones_own_becomes_a_workload():
    assert list(Hinge.workloads()) == ["many", "losses", "gradients", "training"]
    assert Hinge().prepare("many").unit == "logits"


@pytest.mark.benchmark(max_time=0.02, min_rounds=2)
class TestHingeSpeed(Hinge):
    """pytest makes a test of each workload; beside its time stand what it is and its rate."""

    @pytest.fixture(autouse=True)
    def noted(self, request, benchmark):
        yield
        name = request.node.callspec.params["workload_name"]
        assert benchmark.extra_info["what"] == self.workloads()[name]
        unit = "logits" if name == "many" else "images"
        assert benchmark.stats is None or benchmark.extra_info[f"{unit}_per_second"] > 0


def test_time_leaves_out_the_wait_for_a_core(monkeypatch):
    spent = iter(range(1000))
    monkeypatch.setattr(
        "ganbench.testing.speed.clock.time.perf_counter", lambda: 10.0 * next(spent)
    )
    waits = iter(range(1000))
    monkeypatch.setattr("ganbench.testing.speed.clock.ready_seconds", lambda: 4.0 * next(waits))
    taken = timed(Work(lambda: None), calls=2, runs=5)
    assert taken.seconds == pytest.approx((10 - 4) / 2)
    assert taken.waiting == pytest.approx(0.4)
    assert ready_seconds() >= 0
