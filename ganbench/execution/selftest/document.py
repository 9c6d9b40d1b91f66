"""What the self-test writes: the machine, every promise and every speed, as JSON's types."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ganbench.base.clock import utc_now
from ganbench.base.version import __version__
from ganbench.execution.selftest.conductor import Found
from ganbench.execution.selftest.outcome import Check, Outcome

#: Raised when a key changes its meaning or goes.
FORMAT = 1


def document(checks: Sequence[Check], found: Found, quick: bool) -> dict[str, Any]:
    """The content of ``selftest.json``; lists are in the order of the checks.

    ``broken`` names the promises that do not hold, and ``missing`` the checks that an interruption
    prevented. A speed belongs to the check that measured it.
    """
    ended = [
        (check, found.outcomes[check.name]) for check in checks if check.name in found.outcomes
    ]
    return {
        "format": FORMAT,
        "ganbench": __version__,
        "date": utc_now(),
        "quick": quick,
        "machine": found.machine,
        "seconds": sum(found.seconds.values()),
        "missing": [check.name for check in checks if check.name not in found.outcomes],
        "broken": [check.name for check, outcome in ended if outcome.result == "broken"],
        "promises": [
            _promise(check, outcome, found.seconds[check.name])
            for check, outcome in ended
            if check.promises
        ],
        "speeds": [
            {"check": check.name, **vars(speed), "value": _finite(speed.value)}
            for check, outcome in ended
            for speed in outcome.speeds
        ],
        "measurements": [
            {
                "name": check.name,
                "result": outcome.result,
                "seconds": found.seconds[check.name],
                "details": list(outcome.details),
            }
            for check, outcome in ended
            if not check.promises
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _promise(check: Check, outcome: Outcome, seconds: float) -> dict[str, Any]:
    broken = outcome.result == "broken"
    return {
        "name": check.name,
        "title": check.title,
        "result": outcome.result,
        "seconds": seconds,
        "cells": outcome.cells,
        "details": list(outcome.details),
        "meaning": check.meaning if broken else None,
        "remedy": check.remedy if broken else None,
    }
