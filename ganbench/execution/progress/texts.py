"""Trials in words: one line on a trial that runs or has ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ganbench.base.text import clock, plain, plain_line
from ganbench.execution.supervise.messages import Status
from ganbench.store.primary import primary_in
from ganbench.store.schema import AXES


def describe(
    status: Status, seconds_left: float | None = None, in_phase: float | None = None
) -> str:
    """One line on a running trial.

    :param seconds_left: until its budget is used up.
    :param in_phase: seconds since the phase began.
    """
    training = status.phase == "training"
    parts = [] if training else [phase(status, in_phase)]
    if training or status.images:
        parts.append(f"{status.images:,} images")
    parts += [text for text in measures(status).values() if text]
    if training and seconds_left is not None and status.share < 1:
        parts.append(f"{clock(seconds_left)} left")
    return "  ".join(parts)


def phase(status: Status, in_phase: float | None = None) -> str:
    """``evaluating 0:12``: what a trial does, and for how long."""
    return plain(status.phase) if in_phase is None else f"{plain(status.phase)} {clock(in_phase)}"


def measures(status: Status) -> dict[str, str]:
    """Speed, losses and primary metric as texts, empty where they are not known."""
    rate = status.images / status.train_seconds if status.train_seconds > 0 else math.nan
    return {
        "rate": f"{rate:,.0f} img/s" if status.images and math.isfinite(rate) else "",
        "d_loss": f"D {status.d_loss:.3f}" if math.isfinite(status.d_loss) else "",
        "g_loss": f"G {status.g_loss:.3f}" if math.isfinite(status.g_loss) else "",
        "quality": value_text(status.metric, status.quality),
    }


def value_text(metric: str, value: float | None) -> str:
    """``fd 3.72``; empty for an unknown value."""
    known = value is not None and math.isfinite(value)
    return f"{plain(metric)} {value:.4g}" if known else ""


def describe_row(row: Mapping[str, Any]) -> str:
    """One line on a trial that has ended."""
    if row["status"] != "ok":
        return plain(f"{row['status']}: {row.get('error') or ''}".rstrip(": "))
    parts = ["ok"]
    metric = primary_in(row.get("evaluation"))
    if row.get(metric) is not None:
        parts.append(f"{plain(metric)} {row[metric]:.4g}")
    if row.get("verdict"):
        parts.append(plain(row["verdict"]))
    if row.get("samples_note"):
        parts.append(f"but {plain(row['samples_note'])}")
    if row.get("images_per_second"):
        parts.append(f"{row['images_per_second']:,.0f} img/s")
    return ", ".join(parts)


def name_of(row: Mapping[str, Any]) -> str:
    """A trial's components and its seed; its id where the row does not name them."""
    specs = [plain(row[axis]) for axis in AXES if row.get(axis) not in (None, "none")]
    return f"{' × '.join(specs)} seed {row.get('seed')}" if specs else plain(row["trial"])


def harmless(text: str) -> str:
    """Lines of text that cannot steer a terminal."""
    return "\n".join(map(plain_line, text.splitlines()))
