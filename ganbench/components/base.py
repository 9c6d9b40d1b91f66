"""The base of all components: frozen dataclasses whose fields are their options."""

from __future__ import annotations

import abc
import dataclasses
import weakref
from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, dataclass_transform

#: The severity of a finding of `Component.diagnose`.
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
    """The attributes of a class before and after the metaclass made it a dataclass."""

    before: dict[str, Any]
    after: dict[str, Any]


_automatic: MutableMapping[type, _Made] = weakref.WeakKeyDictionary()


class ComponentType(abc.ABCMeta):
    """The metaclass of components: an author may write ``@dataclass(frozen=True)`` or leave it out.

    A component class becomes a dataclass when Python makes it. A decorator above it runs later, and
    Python refuses a second one. So the metaclass first takes back what the first one did.
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
            return  # dataclass() writes a signature as the docstring
        super().__setattr__(name, value)


def _make_dataclass(cls: type) -> None:
    before = dict(vars(cls))
    try:
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)
    except ValueError as error:  # Python's advice is a default_factory, which makes another list
        problem = str(error).removesuffix(": use default_factory")
        way_out = "use an immutable type for the option, such as tuple[int, ...]"
        raise ValueError(f"component {cls.__name__}: {problem}; {way_out}") from error
    _automatic[cls] = _Made(before, dict(vars(cls)))


def _take_back(cls: type, made: _Made) -> None:
    """Undo `_make_dataclass`: options are the author's fields again, with their help and bounds.

    Attributes that were added later, such as by the author's own decorators, stay.
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
    contradict each other. Components are cheap to create; networks and data come into being in their
    methods.

    :cvar paper: the publication that the component follows: author, year, arXiv number.
    :cvar recommends: training settings that its paper uses, such as ``{"d_steps": 5}``; a grid
        overrides them. May be a property where it depends on the options.
    :cvar recipe: the version of what the component means. Raise it when the same options give other
        results, or when an option gets another default; then earlier trials no longer count.
    """

    paper: ClassVar[str] = ""
    recommends: ClassVar[Mapping[str, Any]] = {}
    recipe: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if _FIELDS not in vars(cls):  # with slots, Python makes the finished class a second time
            _make_dataclass(cls)

    @property
    def follows_budget(self) -> bool:
        """Whether training depends on the share of the budget that is used.

        By default it does if the component has an ``advance`` of its own. Override it where that
        depends on options, where ``advance`` looks at ``progress.images`` alone, or where a term reads
        the share from its view. Trials of components that do not follow the budget can go on with a
        larger one.
        """
        advance = getattr(type(self), "advance", None)
        return advance is not None and not advance.__module__.startswith("ganbench.components.")

    def diagnose(self, root: Path, cache: Path) -> Iterable[tuple[Level, str]]:
        """What ``ganbench doctor`` says about the component's data or weights.

        Look, but neither download nor load anything large.

        :param root: the data folder, as in `Dataset.load`.
        :param cache: the folder of weights and trained classifiers, as in `ExtractorContext`.
        :returns: (level, sentence) pairs; the sentence of a warning or error says how to fix it.
        """
        return ()


def overrides(component: Component, contract: type[Component], method: str) -> bool:
    """Whether a component has its own version of a method of its contract."""
    return getattr(type(component), method) is not getattr(contract, method)
