"""Why components of a cell do not go together, each reason with a way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganbench.components.architecture import CRITIC_CLASSES
from ganbench.components.data import DataSpec
from ganbench.registry.lookup import Bound

#: Tasks that the trainer can train, with the pairings that their data may have.
TASKS = {
    "unconditional": ("none",),
    "class-conditional": ("none",),
    "paired-translation": ("paired",),
    "unpaired-translation": ("paired", "unpaired"),
}


def task_problem(architecture: Bound, data: DataSpec) -> str | None:
    """Why an architecture's task does not go with the data, or None."""
    name, task = architecture.info.name, architecture.component.task
    if task not in TASKS:
        return f"{name} is for {task}, which this version does not train"
    if data.pairing not in TASKS[task]:
        return _pairing_problem(name, task, data)
    if task == "class-conditional" and not data.classes:
        return (
            f"{name} is class-conditional and the data has no classes; way out: "
            "data with classes, or an unconditional architecture"
        )
    return None


def _pairing_problem(name: str, task: str, data: DataSpec) -> str:
    if "none" in TASKS[task]:
        return (
            f"{name} makes images from latents and the data is for translation; way out: an "
            "architecture for translation, or data without sources"
        )
    if data.pairing == "none":
        return (
            f"{name} is for {task} and the data has no images to translate from; way out: data with "
            "sources, such as pairs made from it"
        )
    return (
        f"{name} learns from pairs and the data is unpaired; way out: paired data, or an "
        "architecture for unpaired-translation"
    )


def missing_capability(architecture: Bound, data: DataSpec, needs: Mapping[str, str]) -> str | None:
    """Which of the capabilities that other components need an architecture has not, or None."""
    if CRITIC_CLASSES in needs and architecture.component.task != "class-conditional":
        advice = architecture.component.advice(CRITIC_CLASSES) or "a class-conditional architecture"
        return f"{needs[CRITIC_CLASSES]}, and {architecture.spec} is given no classes; way out: {advice}"
    missing = needs.keys() - set(architecture.component.capabilities(data))
    for capability in sorted(missing):
        advice = architecture.component.advice(capability) or "another architecture"
        why, spec = needs[capability], architecture.spec
        return f"{why}, and {spec} does not offer {capability}; way out: {advice}"
    return None


def augmentation_problem(
    augmentation: Any, architecture: Bound, data: DataSpec | None
) -> str | None:
    """Why a cell's images cannot be augmented, or None."""
    if augmentation.identity or data is None:
        return None
    if architecture.component.task == "paired-translation":
        return (
            "an augmentation would move images away from the sources that the discriminator sees "
            "beside them; way out: augmentation none"
        )
    problem: str | None = augmentation.problem(data)
    return problem
