"""A worker that is used again and again does not grow."""

from __future__ import annotations

from pathlib import Path

import pytest
import supervised as s


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("many", [80, pytest.param(200, marks=pytest.mark.whole)])
def test_many_trials_take_no_more_memory_than_twenty(tmp_path, many):
    place, out = s.Workplace(tmp_path), tmp_path / "run"
    # Some more, so that the worker lives when it is measured last.
    run = place.start(out, *s.grid(["hinge", "wgan-gp"], seeds=many // 2 + 10, steps=5))
    found = []
    for count in (20, many):
        run.wait_for(lambda count=count: len([*out.glob("trials/*/row.json")]) >= count, 1000, 0.1)
        (worker,) = run.workers()
        found.append((worker, _resident_kibibytes(worker)))
    done = run.end()
    assert done.code == 0, done
    (first, before), (last, after) = found
    assert first == last
    assert after <= 1.1 * before


def _resident_kibibytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1])
