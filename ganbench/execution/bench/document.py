"""The JSON document of a session, which the text is made of as well."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from ganbench.base.version import __version__
from ganbench.execution.bench.plan import Plan, Timed
from ganbench.execution.bench.verdict import LEVEL, compared


def document(
    found: Sequence[Timed], against: str | None, plan: Plan, level: float = LEVEL
) -> dict[str, Any]:
    """All measurements, and the verdicts if there is a baseline."""
    tests = sum(1 for one in found if one.theirs and not one.problem)
    results = [_result(one, plan.margin, level, tests) for one in found]
    return {
        "ganbench": __version__,
        "against": against,
        "margin": plan.margin,
        "level": level,
        "device": plan.device,
        "threads": plan.threads,
        "slower": [_name(one) for one in results if one.get("verdict") == "slower"],
        "problems": [_name(one) for one in results if one.get("problem")],
        "results": results,
    }


def _name(result: dict[str, Any]) -> str:
    return ": ".join(filter(None, (result["component"], result["workload"])))


def _result(one: Timed, margin: float, level: float, tests: int) -> dict[str, Any]:
    named = {"component": one.target.name, "workload": one.workload, "what": one.what}
    if one.problem or not one.ours:
        return named | {"problem": one.problem}
    seconds = statistics.median(x for launch in one.ours for x in launch)
    result = named | {
        "seconds": seconds,
        "amount": one.amount,
        "unit": one.unit,
        "per_second": one.amount / seconds,
        "waiting": statistics.median(one.waiting),
        "new": one.new,
    }
    if not one.theirs:
        return result
    found = compared(one.ours, one.theirs, margin=margin, level=level, tests=tests)
    return result | {
        "baseline_seconds": statistics.median(x for launch in one.theirs for x in launch),
        "ratio": found.ratio,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "verdict": found.verdict,
        "pairs": found.pairs,
        "launches": len(one.ours),
        "measured": {"current": one.ours, "baseline": one.theirs},
    }
