"""Training and evaluation settings, and how a cell's settings are resolved from layers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeVar

from ganbench.base.errors import UsageError
from ganbench.base.suggestions import same_thing
from ganbench.components.base import option
from ganbench.grid.metrics import with_options
from ganbench.grid.setting_hints import bad_assignment, elsewhere, refuse_misplaced
from ganbench.registry.lookup import ResolvedComponent, default_registry
from ganbench.registry.options import changed_options, create
from ganbench.registry.specs import parse_value

T = TypeVar("T")
#: The networks whose parameters can be frozen.
NETWORKS = ("generator", "discriminator")
#: Training settings that decide how fast a step is and no bit of its results. They are no part of a
#: trial's identity, and its row keeps what came of them (``executor``) instead of the setting. Where
#: the first weights lie has none either: ``init_sha256`` says which they are.
WITHOUT_EFFECT = ("executor", "init")
#: Evaluation settings that say how others are planned, and are no part of an identity either.
PLANNING = ("share",)
#: Settings that records hold only where they are used.
_WHERE_USED = ("init_sha256", "freeze")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How a cell is trained. ``g_`` is the generator's, ``d_`` the discriminator's."""

    batch_size: int = option(64, "real images in one discriminator update", ge=1)
    d_steps: int = option(1, "discriminator updates in one step", ge=1)
    first_player: Literal["discriminator", "generator"] = option(
        "discriminator", "whose update a step begins with"
    )
    fakes: Literal["fresh", "shared"] = option(
        "fresh",
        "fresh: each update generates its own batch; shared: the generator's update and the "
        "discriminator's next to it have one batch",
    )
    reals: Literal["shared", "fresh"] = option(
        "shared",
        "the real batch, with its labels, in the generator's update: that of the discriminator's "
        "update next to it, or a fresh one that does not count as shown",
    )
    g_optimizer: str = option("adam", "spec of an optimizer, such as adam, adamw or sgd")
    d_optimizer: str = option("adam", "spec of an optimizer, such as adam, adamw or sgd")
    g_lr: float = option(2e-4, "learning rate", gt=0)
    d_lr: float = option(2e-4, "learning rate", gt=0)
    g_betas: tuple[float, float] = option((0.5, 0.999), "Adam's betas")
    d_betas: tuple[float, float] = option((0.5, 0.999), "Adam's betas")
    momentum: float = option(0.0, "momentum of sgd and rmsprop", ge=0, lt=1)
    weight_decay: float = option(0.0, "weight decay of both optimizers", ge=0)
    lr_decay: str = option(
        "none", "spec of the learning rates' schedule: none, linear, cosine or a plugin's"
    )
    lr_decay_from: float = option(
        0.0, "share of the budget at which the rates begin to fall", ge=0, lt=1
    )
    lr_decay_to: float = option(1.0, "share of the budget at which the fall ends", gt=0, le=1)
    lr_final: float = option(0.0, "share of the rates that is left at the end", ge=0, le=1)
    beta2_final: float | None = option(
        None, "Adam's second beta at the end, reached as the rates are; none: it stays", ge=0, lt=1
    )
    ema_images: int = option(
        10_000, "half-life of the averaged generator in images; 0 turns averaging off", ge=0
    )
    ema_rampup: float = option(
        0.05, "the half-life is at most this share of the images so far; 0: no ramp-up", ge=0
    )
    ema_start_images: int = option(0, "until then the average is a plain copy", ge=0)
    precision: Literal["fp32", "tf32", "bf16"] = option("fp32", "arithmetic of the networks")
    memory_format: Literal["auto", "contiguous", "channels_last"] = option(
        "auto", "layout of convolutional tensors; auto: channels_last on a GPU below fp32"
    )
    flip: bool = option(False, "mirror half of the real images")
    jitter: int = option(
        0, "pixels: real images are enlarged by so many a side, then cropped at random", ge=0
    )

    init: str = option(
        "",
        "weights to start from: a trial, RUN:TRIAL, or a safetensors file; empty: random ones",
    )
    init_sha256: str = option("", "hash of these weights' file; a run fills it in")
    freeze: tuple[str, ...] = option(
        (),
        "globs of parameters that stay as they are, such as generator:layers.0.*; without a network "
        "they count for both",
    )
    replicas: int = option(
        1,
        "processes that train a trial together, each with its part of every batch, on a GPU or "
        "cores of its own",
        ge=1,
    )
    compile: bool = option(
        False, "compile the networks by torch.compile, where no penalty differentiates a gradient"
    )
    executor: Literal["auto", "eager", "graph"] = option(
        "auto",
        "graph: replay each step as one CUDA graph, if that gives the same bits; eager: do not; "
        "auto: graph on a GPU; it has no effect on results",
    )

    def __post_init__(self) -> None:
        for pattern in self.freeze:
            network, colon, _ = pattern.partition(":")
            if colon and network not in NETWORKS:
                raise ValueError(
                    f"freeze={pattern}: the part before the colon is {' or '.join(NETWORKS)}"
                )
        if self.batch_size % self.replicas:
            raise ValueError(
                f"batch_size={self.batch_size} has no {self.replicas} equal parts for "
                f"replicas={self.replicas}: set batch_size to a multiple of it"
            )
        for name, value in vars(self).items():
            if value == math.inf:
                raise ValueError(f"{name}=inf: must be a finite number")
            if name.endswith("betas") and not all(0 <= beta < 1 for beta in value):
                raise ValueError(f"{name}={list(value)}: each must be at least 0 and less than 1")
        if self.lr_decay_from >= self.lr_decay_to:
            raise ValueError(
                f"lr_decay_from={self.lr_decay_from} must be less than lr_decay_to={self.lr_decay_to}"
            )
        if self.fakes == "shared" and self.reals == "fresh":
            raise ValueError(
                "fakes=shared uses one real batch for both players: set reals=shared, or fakes=fresh"
            )
        if self.beta2_final is not None and self.lr_decay == "none":
            raise ValueError(
                "beta2_final needs lr_decay, which is none: set lr_decay, or beta2_final=none"
            )


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How trials are evaluated, at every tick alike."""

    ticks: int = option(10, "evaluations over the budget, equally spaced", ge=1)
    samples: int = option(10_000, "generated samples for each evaluation", ge=2)
    reference_samples: int = option(50_000, "real samples at the most", ge=2)
    reference_split: Literal["train", "test"] = option("train", "where real samples come from")
    extractor: str = option(
        "auto", "spec of a feature extractor; auto: the data set's own, or its fallback"
    )
    extractors: tuple[str, ...] = option(
        (), "specs of several extractors, the first in place of `extractor`"
    )
    metrics: tuple[str, ...] = option((), "specs of metrics; none: those that ganbench ships")
    primary: str = option("fd", "the column from which curve columns and verdicts are computed")
    share: float | None = option(
        None, "part of the time for evaluation, for which samples and ticks are planned", gt=0, lt=1
    )

    def __post_init__(self) -> None:
        if self.extractors and self.extractor != "auto":
            raise ValueError(
                f"extractor={self.extractor} and extractors={list(self.extractors)}: name all of them "
                "in extractors, the primary one first"
            )
        for name in ("extractors", "metrics"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"{name}={list(getattr(self, name))}: one is named twice")

    @property
    def extractor_specs(self) -> tuple[str, ...]:
        """All extractors, the primary one first."""
        return self.extractors or (self.extractor,)


#: Shorthands that set both players at once.
BOTH_PLAYERS = {
    "optimizer": ("g_optimizer", "d_optimizer"),
    "lr": ("g_lr", "d_lr"),
    "betas": ("g_betas", "d_betas"),
}
#: Other words for a setting.
_ALIASES = {"schedule": ("lr_decay",)}
_SHORTHANDS = BOTH_PLAYERS | _ALIASES
#: Settings whose value is the spec of a component, with its kind.
COMPONENT_SETTINGS = {
    "g_optimizer": "optimizer",
    "d_optimizer": "optimizer",
    "lr_decay": "schedule",
}


@dataclass(frozen=True)
class ResolvedSettings:
    """Training settings, and the layer that each of them comes from.

    :ivar components: those that settings name, by setting, see `component`.
    """

    settings: TrainingSettings
    sources: dict[str, str]
    components: Mapping[str, ResolvedComponent] = field(default_factory=dict)

    def component(self, setting: str) -> ResolvedComponent:
        """The component that a setting names, such as ``g_optimizer``."""
        return self.components[setting]

    def as_dict(self) -> dict[str, Any]:
        """Setting -> value, in JSON's types; without those that have no effect on results."""
        return _recorded(settings_values(self.settings), self.settings)

    def changed(self) -> dict[str, Any]:
        """The same of the settings that differ from their defaults."""
        return _with_effect(changed_options(self.settings))


def resolve_training(
    layers: Iterable[tuple[str, Mapping[str, Any]]], bind: bool = True
) -> ResolvedSettings:
    """Lay (source, settings) over the defaults; later layers win.

    :param bind: look the components up that settings name; not for a trial that is over.
    :raises UsageError: for an unknown setting or component, or a bad value.
    """
    values: dict[str, Any] = {}
    sources = {field.name: "default" for field in fields(TrainingSettings)}
    called: dict[str, str] = {}
    for source, layer in layers:
        expanded = expand_shorthands(layer)
        values |= expanded
        sources |= dict.fromkeys(expanded, source)
        called |= {name: name for name in expanded} | shorthands_of(layer)
    refuse_misplaced("training", values, _names())
    try:
        settings = create(TrainingSettings, values, "[training]", also=_SHORTHANDS)
        components = _bound(settings) if bind else {}
    except UsageError as error:
        raise type(error)(as_written(str(error), called)) from error
    canonical = {name: component.spec for name, component in components.items()}
    return ResolvedSettings(
        replace(settings, **canonical), _recorded(sources, settings), components
    )


def _bound(settings: TrainingSettings) -> dict[str, ResolvedComponent]:
    registry, found = default_registry(), {}  # a faulty plugin file is no fault of a setting
    for name, kind in COMPONENT_SETTINGS.items():
        try:
            found[name] = registry.bind(kind, getattr(settings, name))
        except UsageError as error:
            raise type(error)(f"[training] {name}: {error}") from None
    return found


def resolve_evaluation(overrides: Mapping[str, Any]) -> EvaluationSettings:
    """The evaluation settings of a grid; raises UsageError.

    An option of a metric is a setting too: ``prdc_k`` is the option ``k`` of ``prdc``. The result
    has it in its metrics.
    """
    known = {field.name for field in fields(EvaluationSettings)}
    own = {name: value for name, value in overrides.items() if name in known}
    rest = {name: value for name, value in overrides.items() if name not in known}
    settings: EvaluationSettings
    refuse_misplaced("evaluation", rest, _names())
    if rest or not own.get("metrics") or isinstance(own["metrics"], str):
        own["metrics"] = with_options(own.get("metrics", ()), rest, known)
    settings = create(EvaluationSettings, own, "[evaluation]")
    return settings


def replicas_of(grid: Mapping[str, Any]) -> int:
    """How many processes train a trial of a grid, given as `Grid.as_dict` gives it."""
    return resolve_training([("grid", grid.get("training", {}))]).settings.replicas


def expand_shorthands(layer: Mapping[str, Any]) -> dict[str, Any]:
    """``lr`` and the like become one setting for each player; a player's own setting wins.

    ``schedule`` is another word for ``lr_decay``.
    """
    expanded = {name: value for key, value in layer.items() for name in _SHORTHANDS.get(key, ())}
    return expanded | {key: value for key, value in layer.items() if key not in _SHORTHANDS}


def shorthands_of(layer: Mapping[str, Any]) -> dict[str, str]:
    """Setting -> the shorthand that a layer gives it by."""
    return {name: key for key in layer for name in _SHORTHANDS.get(key, ()) if name not in layer}


def as_written(sentence: str, called: Mapping[str, str]) -> str:
    """A sentence about settings, which names each as the person wrote it."""
    return re.sub(
        r"\b(\w+)(?=[=:])", lambda match: called.get(match[1], match[1]), sentence, flags=re.ASCII
    )


def setting_named(word: str) -> str | None:
    """``training.lr`` for a word such as ``learning_rate``; None if no setting is meant."""
    if elsewhere(word):
        return None
    for section, known in _names().items():
        found = [word] if word in known else same_thing(word, known)
        if found:
            return f"{section}.{found[0]}"
    return None


def _names() -> dict[str, set[str]]:
    """Section -> the names of its settings, with shorthands."""
    own = {"training": TrainingSettings, "evaluation": EvaluationSettings}
    names = {section: {field.name for field in fields(cls)} for section, cls in own.items()}
    return {**names, "training": names["training"] | _SHORTHANDS.keys()}


def _with_effect(settings: dict[str, T]) -> dict[str, T]:
    return {name: value for name, value in settings.items() if name not in WITHOUT_EFFECT}


def _recorded(values: dict[str, T], settings: TrainingSettings) -> dict[str, T]:
    """Those of the settings that a record holds."""
    unused = [name for name in _WHERE_USED if not getattr(settings, name)]
    return {k: v for k, v in _with_effect(values).items() if k not in unused}


def settings_values(settings: Any) -> dict[str, Any]:
    """A settings object as JSON's types, tuples as lists."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(settings).items()}


def parse_assignment(text: str) -> tuple[str, str, Any]:
    """Parse ``--set training.batch_size=64`` into (section, key, value)."""
    path, equals, value = text.partition("=")
    section, dot, key = path.strip().partition(".")
    if not equals or not dot or not key or section not in ("training", "evaluation"):
        raise bad_assignment(text, _names())
    parsed = parse_value(value)
    return section, key.strip(), list(parsed) if isinstance(parsed, tuple) else parsed
