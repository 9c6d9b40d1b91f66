"""Every metric that ganbench ships keeps the contract that plugin authors test theirs against."""

from __future__ import annotations

import pytest

import ganbench as gb
from ganbench.testing import MetricTests

#: Specs in place of the plain name, for few samples.
SPECS = {
    "kid": ["kid[subsets=20,subset_size=60]"],
    "prdc": ["prdc", "prdc[k=3]"],
}
ORDERED = {"fd-infinity", "is", "kid", "ct"}
BLIND = {
    "prdc": {"recall": ["noise"]},  # fakes far from all others have balls that hold everything
    "vendi": {"vendi": ["noise"]},  # no two noisy samples are alike
}
NAMES = [name for name, info in gb.components("metric").items() if info.provider == "ganbench"]


class TestMetrics(MetricTests):
    @pytest.fixture(autouse=True, params=[s for name in NAMES for s in SPECS.get(name, [name])])
    def choose(self, request):
        name = request.param.partition("[")[0]
        self.component = gb.get("metric", request.param)
        self.ordered = name in ORDERED
        self.blind = BLIND.get(name, {})
