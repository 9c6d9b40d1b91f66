"""What all components have in common: they are frozen dataclasses whose fields are their options."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, dataclass_transform

#: How a finding of `Component.diagnose` is meant.
Level = Literal["ok", "warning", "error"]


def option(
    default: Any = dataclasses.MISSING,
    help: str = "",
    *,
    gt: float | None = None,
    ge: float | None = None,
    lt: float | None = None,
    le: float | None = None,
) -> Any:
    """A field with a help text and bounds: ``width: int = option(64, "channels", ge=1)``."""
    bounds = {"gt": gt, "ge": ge, "lt": lt, "le": le}
    metadata = {"help": help} | {key: value for key, value in bounds.items() if value is not None}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,)
)
@dataclasses.dataclass(frozen=True, kw_only=True)
class Component(abc.ABC):  # noqa: B024 - which methods are abstract depends on the kind
    """Base of every component.

    A subclass becomes a frozen, keyword-only dataclass by itself: its annotated fields are its
    options. Raise ValueError in ``__post_init__`` for options that do not go together. Components
    are cheap to create; networks and data come into being in their methods.

    :cvar paper: the publication that the component follows: author, year, arXiv number.
    :cvar recommends: training settings that its paper uses, such as ``{"d_steps": 5}``; a grid
        overrides them. May be a property where it depends on the options.
    """

    paper: ClassVar[str] = ""
    recommends: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        doc = cls.__dict__.get("__doc__")
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)
        if doc is None:  # dataclass() would invent a signature as documentation
            cls.__doc__ = None

    def diagnose(self, root: Path, cache: Path) -> Iterable[tuple[Level, str]]:
        """What ``ganbench doctor`` says of the component: whether its data or weights are there.

        Look, but neither download nor load anything large.

        :param root: the data folder, as in `Dataset.load`.
        :param cache: the folder of weights and trained classifiers, as in `ExtractorContext`.
        :returns: (level, sentence) pairs; the sentence of a warning or error says how to mend it.
        """
        return ()
