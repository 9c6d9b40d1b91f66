"""Whether components go together: what they answer, and why a cell cannot work, with a way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from ganbench.base.errors import UsageError, one_line
from ganbench.components.architecture import CRITIC_CLASSES
from ganbench.components.data import DataSpec
from ganbench.grid.settings import resolve_training
from ganbench.registry.lookup import ResolvedComponent

T = TypeVar("T")
#: What a component answers, with the reason why its cells cannot work, or None.
Answer: TypeAlias = tuple[T, str | None]
#: Tasks that the trainer can train, with the pairings that their data may have.
TASKS = {
    "unconditional": ("none",),
    "class-conditional": ("none",),
    "paired-translation": ("paired",),
    "unpaired-translation": ("paired", "unpaired"),
}


def ask(
    component: ResolvedComponent, question: Callable[[Any], Answer[T]], otherwise: T
) -> Answer[T]:
    """What a component answers; what its code raises is a reason against its own cells only."""
    try:
        return question(component.component)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        info = component.info
        where = f"{info.kind} {component.spec} of {info.provider} {info.version}"
        return otherwise, f"{where} does not keep its contract: {one_line(error)}"


def typed(value: Any, cls: type[T]) -> T:
    """The value, if it is of the class; else a TypeError."""
    if not isinstance(value, cls):
        raise TypeError(f"expected a {cls.__name__}, got {value!r}")
    return value


def objection(component: Any, data: DataSpec | None) -> str | None:
    """What ``component.problem(data)`` says.

    :raises TypeError: for anything else than None or a sentence.
    """
    answer: Any = component.problem(data)
    if answer is None or isinstance(answer, str):
        return answer
    raise TypeError(f"problem(data) returns {answer!r}: return None, or a sentence with a way out")


def recommended(component: ResolvedComponent) -> Answer[Mapping[str, Any]]:
    """The training settings that a component recommends."""

    def question(it: Any) -> Answer[Mapping[str, Any]]:
        try:
            resolve_training([("", it.recommends)])
        except UsageError as error:
            raise ValueError(f"recommends: {error}") from None
        if "replicas" in it.recommends:
            raise ValueError("recommends: replicas is for the person who has the machine")
        return it.recommends, None

    return ask(component, question, {})


def required(resolved: ResolvedComponent) -> Answer[Mapping[str, str]]:
    """Capability -> why a component and its penalties need it."""

    def question(component: Any) -> Answer[Mapping[str, str]]:
        penalties = component.penalties() if resolved.info.kind == "loss" else ()
        needs = {
            str(capability): f"{resolved.info.name}: {why}"
            for part in (component, *penalties)
            for capability, why in part.needs.items()
        }
        return needs, None

    return ask(resolved, question, {})


def task_problem(architecture: ResolvedComponent, data: DataSpec) -> str | None:
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


def missing_capability(
    architecture: ResolvedComponent, data: DataSpec, needs: Mapping[str, str]
) -> str | None:
    """Why an architecture lacks a capability that other components need, or None."""
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
    augmentation: Any, architecture: ResolvedComponent, data: DataSpec | None
) -> str | None:
    """Why a cell's images cannot be augmented, or None."""
    if augmentation.identity or data is None:
        return None
    if architecture.component.task == "paired-translation":
        return (
            "an augmentation would move images away from the sources that the discriminator sees "
            "beside them; way out: augmentation none"
        )
    return objection(augmentation, data)
