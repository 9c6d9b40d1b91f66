"""Options of components: the fields of their dataclass, described and checked."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ganbench.errors import BrokenComponentError, UnknownNameError, UsageError, did_you_mean
from ganbench.registry.guard import one_line, quiet_stdout
from ganbench.registry.specs import format_value, is_literal, join_spec, parse_value

_BOUNDS = {
    "gt": ("greater than", lambda value, bound: value > bound),
    "ge": ("at least", lambda value, bound: value >= bound),
    "lt": ("less than", lambda value, bound: value < bound),
    "le": ("at most", lambda value, bound: value <= bound),
}
#: Types that the spec grammar has literals for; what it reads must match them exactly.
_LITERAL_TYPES = (bool, int, float, str)


@dataclass(frozen=True)
class OptionInfo:
    """One option: its name, type as text, default, bounds, and what it is for.

    :ivar choices: the values that exist, where they can be listed; empty otherwise.
    :ivar bounds: any of ``gt``, ``ge``, ``lt`` and ``le``.
    """

    name: str
    type: str
    default: Any
    required: bool
    help: str
    choices: tuple[Any, ...] = ()
    bounds: Mapping[str, float] = field(default_factory=dict)

    @property
    def allowed(self) -> str:
        """What the option takes, for a person: ``int, at least 1``."""
        limits = (f"{_BOUNDS[key][0]} {format_value(v)}" for key, v in self.bounds.items())
        return ", ".join((self.type, *limits))


class MissingOptionError(UsageError):
    """An option without a default that was not given; all that were given are right."""


def describe_options(cls: type[Any]) -> dict[str, OptionInfo]:
    """The options of a component class, in the order of their definition."""
    hints = option_types(cls)
    return {name: _describe(f, hints[name]) for name, f in fields_of(cls).items()}


def option_types(cls: type[Any]) -> dict[str, Any]:
    """Option -> type; raises what evaluating the options' annotations raises."""
    return {name: _type_of(cls, name) for name in fields_of(cls)}


def _type_of(cls: type[Any], name: str) -> Any:
    """An option's type; annotations beside it may name what exists for type checkers only."""
    owner = next(base for base in cls.__mro__ if name in inspect.get_annotations(base))
    one = type(
        owner.__name__, (), {"__annotations__": {name: inspect.get_annotations(owner)[name]}}
    )
    names = vars(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else {}
    # As for a class: what its module calls a name goes before what the class does.
    hints = typing.get_type_hints(one, {**vars(owner)}, {**names}, include_extras=True)
    return hints[name]


def create(
    cls: type[Any],
    options: Mapping[str, Any],
    where: str,
    texts: Mapping[str, Any] | None = None,
) -> Any:
    """An instance of ``cls`` with checked options; ``where`` names it in messages.

    :param texts: the options as they were written, for those that take text (`Spec.texts`).
    :raises UsageError: names the option, the value and what is allowed.
    :raises MissingOptionError: if only an option is missing.
    :raises BrokenComponentError: if the class itself is at fault.
    """
    from ganbench.registry.declarations import undeclared

    fields, hints = fields_of(cls), option_types(cls)
    values = {}
    for name, value in options.items():
        if name not in fields:
            known = did_you_mean(name, fields) if fields else "; it has no options"
            if declaration := undeclared(cls, name):
                known = f": {cls.__name__}.{name} has no annotation; it needs {declaration}"
            raise UnknownNameError(f"{where} has no option {name!r}{known}")
        described = _describe(fields[name], hints[name])
        text = (texts or {}).get(name, _as_text(value))
        values[name] = _checked(hints[name], _frozen(value), text, described, where)
    missing = [name for name, f in fields.items() if _required(f) and name not in values]
    if missing:
        needed = ", ".join(f"{name}=…" for name in missing)
        raise MissingOptionError(f"{where} needs the option {needed}")
    try:
        with quiet_stdout():
            return cls(**values)
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(f"{where}: {' '.join(str(error).split())}") from error
    except Exception as error:
        raise BrokenComponentError(f"{where} cannot be created: {one_line(error)}") from error


def changed_options(component: Any) -> dict[str, Any]:
    """The options whose value differs from the default, sorted by name."""
    fields = fields_of(type(component))
    return {
        name: value
        for name, value in all_options(component).items()
        if _required(fields[name]) or bool(value != _default(fields[name]))
    }


def canonical_spec(name: str, component: Any) -> str:
    """The spec that makes ``component``: the options that differ from their defaults, sorted."""
    cls = type(component)
    hints, described = option_types(cls), describe_options(cls)
    texts = {
        option: _written(hints[option], value, described[option])
        for option, value in changed_options(component).items()
    }
    return join_spec(name, texts)


def all_options(component: Any) -> dict[str, Any]:
    """Every option with its value, sorted by name."""
    return {name: getattr(component, name) for name in sorted(fields_of(type(component)))}


def fields_of(cls: type[Any]) -> dict[str, dataclasses.Field[Any]]:
    """Option -> the field that declares it, in the order of their definition."""
    return {f.name: f for f in dataclasses.fields(cls) if f.init}


def _required(f: dataclasses.Field[Any]) -> bool:
    return f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING


def _default(f: dataclasses.Field[Any]) -> Any:
    if f.default_factory is not dataclasses.MISSING:
        return f.default_factory()
    return f.default


def _describe(f: dataclasses.Field[Any], hint: Any) -> OptionInfo:
    return OptionInfo(
        name=f.name,
        type=_type_text(hint),
        default=None if _required(f) else _default(f),
        required=_required(f),
        help=str(f.metadata.get("help", "")),
        choices=_choices(hint),
        bounds={key: f.metadata[key] for key in _BOUNDS if key in f.metadata},
    )


def can_be_given(hint: Any) -> bool:
    """Whether there are values of this type that a spec can give."""
    return _adapter(hint) is not None


def fits(hint: Any, value: Any, described: OptionInfo) -> bool:
    """Whether a default is of its option's type, exactly, and within its bounds."""
    import pydantic

    adapter = _adapter(hint)
    try:
        return adapter is not None and _within(
            adapter.validate_python(value, strict=True), described.bounds
        )
    except pydantic.ValidationError:
        return False


def _adapter(hint: Any) -> Any:
    """What validates values of a type; None for a type that nobody can give values of."""
    import pydantic  # here, since listings must not wait for it

    try:
        return pydantic.TypeAdapter(hint)
    except pydantic.PydanticUserError:
        return None


def _checked(hint: Any, value: Any, text: Any, described: OptionInfo, where: str) -> Any:
    import pydantic

    adapter = _adapter(hint)
    if adapter is None:
        reason = f"option {described.name} cannot be of type {described.type}"
        raise BrokenComponentError(f"{where} is not usable: {reason}")
    for candidate, strict in _readings(hint, value, text):
        try:
            checked = adapter.validate_python(candidate, strict=strict)
        except pydantic.ValidationError:
            continue
        if _within(checked, described.bounds):
            return checked
    shown = f"{described.name}={format_value(value)}"
    raise UsageError(f"{where}: option {shown} is not allowed; it takes {described.allowed}")


def _written(hint: Any, value: Any, described: OptionInfo) -> str:
    """The value's text, without quotes where the type alone makes ``none`` and the like words."""
    if isinstance(value, str) and is_literal(value):
        with contextlib.suppress(UsageError):
            if _checked(hint, parse_value(value), value, described, "") == value:
                return value
    return format_value(value)


def _readings(hint: Any, value: Any, text: Any) -> Iterator[tuple[Any, bool]]:
    """The ways to read what was written, in order, with whether the type must match exactly."""
    yield value, True
    # The grammar reads `none`, `true` and `12` as values; an option of text means the words.
    yield text, True
    if text == "none":  # grid files have no other way to write it
        yield None, True
    # Types that the grammar has no literal for, such as paths, are read from their text.
    if not any(leaf in _LITERAL_TYPES for leaf in _leaves(hint)):
        yield value, False
        yield text, False


def _within(value: Any, bounds: Mapping[str, float]) -> bool:
    if isinstance(value, tuple):
        return all(_within(item, bounds) for item in value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return True  # `auto` or none beside a number
    return all(_BOUNDS[key][1](value, bound) for key, bound in bounds.items())


def _leaves(hint: Any) -> Iterator[type[Any]]:
    """The classes that a type is made of; those of its choices for a Literal."""
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        yield from (type(choice) for choice in arguments)
    elif arguments:
        for argument in arguments:
            yield from _leaves(argument)
    elif isinstance(hint, type):
        yield hint


def _choices(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()


def _type_text(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is None or hint is types.NoneType:
        return "none"
    if hint is Ellipsis:
        return "…"
    if origin is typing.Annotated:
        return _type_text(arguments[0])
    if origin is typing.Literal:
        return "|".join(c if isinstance(c, str) else format_value(c) for c in arguments)
    if origin in (typing.Union, types.UnionType):
        return "|".join(map(_type_text, arguments))
    if origin is tuple:
        return f"[{','.join(map(_type_text, arguments))}]"
    if isinstance(hint, type) and not arguments:
        return hint.__name__
    return str(hint).replace("typing.", "")


def _as_text(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(map(_as_text, value))
    return value if isinstance(value, str) else format_value(value)


def _frozen(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(item) for item in value)
    return value
