"""What all components have in common: they are frozen dataclasses whose fields are their options."""

from __future__ import annotations

import abc
import dataclasses
import weakref
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, dataclass_transform

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


_FIELDS = "__dataclass_fields__"
_PARAMETERS = "__dataclass_params__"  # what `dataclasses.dataclass` sets before anything else
_ABSTRACT = ("__abstractmethods__", "_abc_impl")
_MISSING = object()


class _Made(NamedTuple):
    """What a class held before and after it became a dataclass by itself."""

    before: dict[str, Any]
    after: dict[str, Any]


_automatic: MutableMapping[type, _Made] = weakref.WeakKeyDictionary()


class ComponentType(abc.ABCMeta):
    """The class of component classes: lets an author write ``@dataclass(frozen=True)`` or leave it out.

    A component class is a dataclass as soon as it is there. A decorator above it comes after that, and
    would be the second one, which Python refuses. So what the first one made is taken back before.
    """

    def __setattr__(cls, name: str, value: Any) -> None:
        if name == _PARAMETERS and cls in _automatic:
            if not value.frozen:
                raise TypeError(
                    f"component {cls.__name__} must be frozen: write @dataclass(frozen=True) above "
                    "it, or leave the decorator out"
                )
            _take_back(cls, _automatic.pop(cls))
        if name == "__doc__" and str(value).startswith(f"{cls.__name__}("):
            return  # dataclass() invents a signature as documentation
        super().__setattr__(name, value)


def _make_dataclass(cls: type) -> None:
    before = dict(vars(cls))
    try:
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)
    except ValueError as error:  # Python's advice is a default_factory, which makes another list
        problem = str(error).removesuffix(": use default_factory")
        way_out = "options are of types that cannot change, such as tuple[int, ...]"
        raise ValueError(f"component {cls.__name__}: {problem}; {way_out}") from error
    _automatic[cls] = _Made(before, dict(vars(cls)))


def _take_back(cls: type, made: _Made) -> None:
    """Undo `_make_dataclass`: options are the author's fields again, with their help and bounds.

    What came to the class since, as from the author's own decorators, stays.
    """
    for name, value in made.after.items():
        if name in _ABSTRACT or vars(cls).get(name, _MISSING) is not value:
            continue
        if name not in made.before:
            delattr(cls, name)
        elif made.before[name] is not value:
            setattr(cls, name, made.before[name])
    for name in made.before.keys() - made.after.keys():
        setattr(cls, name, made.before[name])


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,)
)
@dataclasses.dataclass(frozen=True, kw_only=True)
class Component(metaclass=ComponentType):
    """Base of every component.

    A subclass becomes a frozen, keyword-only dataclass by itself: its annotated fields are its
    options. ``@dataclass(frozen=True)`` above it is allowed; its other arguments, such as ``slots``,
    ``order`` or ``kw_only``, are the author's. Raise ValueError in ``__post_init__`` for options that
    do not go together. Components are cheap to create; networks and data come into being in their
    methods.

    :cvar paper: the publication that the component follows: author, year, arXiv number.
    :cvar recommends: training settings that its paper uses, such as ``{"d_steps": 5}``; a grid
        overrides them. May be a property where it depends on the options.
    """

    paper: ClassVar[str] = ""
    recommends: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if _FIELDS not in vars(cls):  # with slots, Python makes the finished class a second time
            _make_dataclass(cls)

    def diagnose(self, root: Path, cache: Path) -> Iterable[tuple[Level, str]]:
        """What ``ganbench doctor`` says of the component: whether its data or weights are there.

        Look, but neither download nor load anything large.

        :param root: the data folder, as in `Dataset.load`.
        :param cache: the folder of weights and trained classifiers, as in `ExtractorContext`.
        :returns: (level, sentence) pairs; the sentence of a warning or error says how to mend it.
        """
        return ()
