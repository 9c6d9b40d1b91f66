"""What a benchmark repeats, and the suite that all kinds share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganbench.testing.speed.device import wait_for_device

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


@dataclass(frozen=True)
class Work:
    """Work that can be repeated.

    :ivar call: does it once; every call takes about as long as the first.
    :ivar amount: how much of its ``unit`` a call does, such as the number of images.
    :ivar unit: in the plural, such as ``"images"``.
    :ivar close: removes what the work leaves, such as a folder.
    """

    call: Callable[[], object]
    amount: float = 1
    unit: str = "calls"
    close: Callable[[], object] = lambda: None

    def run(self, calls: int = 1) -> None:
        """Do it some times, the device's part included."""
        call = self.call
        for _ in range(calls):
            call()
        wait_for_device()


Maker = Callable[[Any], Work]
_MARK = "_ganbench_workload"


def workload(what: str) -> Callable[[Maker], Maker]:
    """Mark a method of a suite that prepares work and returns it as a `Work`.

    :param what: one line that says what is timed.
    """

    def mark(make: Maker) -> Maker:
        setattr(make, _MARK, what)
        return make

    return mark


class ComponentBenchmarks:
    """Benchmarks of any component; the other suites contain them.

    pytest-benchmark times each workload in a test of its own, ``test_speed[NAME]``. ``ganbench bench``
    times the same workloads against an earlier version. A method of your own becomes a workload::

        class TestMyLossSpeed(LossBenchmarks):
            component = MyLoss()

            @workload("the loss of 10,000 logits")
            def many_logits(self):
                logits = torch.randn(10_000)
                return Work(lambda: self.component.discriminator(logits, logits))

    :cvar component: the component to time, with the options that matter.
    """

    component: Any

    @classmethod
    def workloads(cls) -> dict[str, str]:
        """Name of each workload -> what it times; those of the most special class first."""
        found = {}
        for base in cls.__mro__:
            for name in vars(base):
                what = getattr(getattr(cls, name, None), _MARK, None)
                if what is not None:
                    found[name] = str(what)
        return found

    def prepare(self, name: str) -> Work:
        """The work of one workload, done once already: the first call loads and allocates."""
        work: Work = getattr(self, name)()
        work.run()
        return work

    @classmethod
    def pytest_generate_tests(cls, metafunc: Any) -> None:
        """pytest's hook: a test for each workload."""
        if "workload_name" in metafunc.fixturenames:
            metafunc.parametrize("workload_name", list(cls.workloads()))

    def test_speed(self, benchmark: BenchmarkFixture, workload_name: str) -> None:
        """Nothing here asserts a time: ``ganbench bench --against`` judges."""
        work = self.prepare(workload_name)
        try:
            benchmark(work.run)
        finally:
            work.close()
        benchmark.extra_info["what"] = self.workloads()[workload_name]
        if benchmark.stats is not None:  # timed, and not under --benchmark-disable
            rate = work.amount / benchmark.stats.stats.median
            benchmark.extra_info[f"{work.unit}_per_second"] = rate
