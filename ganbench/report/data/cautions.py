"""Cautions for captions: images, seconds and speeds of cells that compare badly."""

from __future__ import annotations

from collections.abc import Sequence

from ganbench.analysis.training_counts import critic_steps
from ganbench.base.text import plain
from ganbench.report.data.facets import Member
from ganbench.report.data.metrics import SHARED_SPEED, THROUGHPUT, TIMES
from ganbench.report.data.seeds import Over

_UNEQUAL = "cells differ in discriminator updates for each generator update"


def about_training(members: Sequence[Member], over: Over) -> str:
    """A caution about curves over images or seconds; empty if there is nothing to mind."""
    if over == "train_seconds":
        return "seconds on a device that trials shared" if _shared(members) else ""
    critics = _critics(members)
    why = "those with more have fewer generator updates at equal images"
    return f"{_UNEQUAL} {critics}: {why}" if critics else ""


def about_speed(members: Sequence[Member], speed: str, stand_in: bool) -> list[str]:
    """Cautions about speeds: shared devices, different devices, critic steps.

    :param stand_in: whether `SHARED_SPEED` stands in for throughput that no trial has.
    """
    found = []
    if speed in TIMES and beside_others(members, speed, stand_in):
        found.append("trials shared their device, so that speeds depend on what ran beside them")
    elif speed in TIMES:
        devices = {plain(device) for m in members for device in m.cell.texts("device") if device}
        if len(devices) > 1:
            found.append(f"measured on different devices: {', '.join(sorted(devices))}")
    critics = _critics(members)
    if critics and speed in (*THROUGHPUT, SHARED_SPEED.name):
        images = speed == "images_per_second"
        what = "real images" if images else "generator updates"
        other = SHARED_SPEED.name if images else "images_per_second"
        found.append(f"{_UNEQUAL} {critics}, and this axis counts {what}: see {other} too")
    return found


def beside_others(members: Sequence[Member], speed: str, stand_in: bool) -> bool:
    """Whether a cost was measured while other trials used the device."""
    return stand_in or (speed in TIMES and speed not in THROUGHPUT and _shared(members))


def _shared(members: Sequence[Member]) -> bool:
    """Whether a trial shared its device, as far as is known."""
    return any(bool((member.cell.alone == 0).any()) for member in members)


def _critics(members: Sequence[Member]) -> str:
    """Their discriminator updates in a step where these differ, ``(1 and 5)``; else empty."""
    texts = {text for member in members for text in member.cell.texts("settings")}
    found = sorted({steps for text in texts if (steps := critic_steps(text)) is not None})
    return f"({' and '.join(map(str, found))})" if len(found) > 1 else ""
