"""One option of a component: its type, default, bounds and help, and the values that it takes."""

from __future__ import annotations

import contextlib
import enum
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ganbench.base.errors import BrokenComponentError, UsageError
from ganbench.registry.specs import format_value, is_literal, parse_value

#: Keyword of `ganbench.option` -> how messages say it, and the check.
BOUNDS = {
    "gt": ("greater than", lambda value, bound: value > bound),
    "ge": ("at least", lambda value, bound: value >= bound),
    "lt": ("less than", lambda value, bound: value < bound),
    "le": ("at most", lambda value, bound: value <= bound),
}
#: Types that the spec grammar has literals for; what it reads must match them exactly.
_LITERAL_TYPES = (bool, int, float, str)


@dataclass(frozen=True)
class OptionInfo:
    """One option.

    :ivar hint: the type, as `typing` gives it.
    :ivar default: None if the option is required.
    :ivar help: what the option is for.
    :ivar bounds: any of ``gt``, ``ge``, ``lt`` and ``le``.
    """

    name: str
    hint: Any
    default: Any
    required: bool
    help: str
    bounds: Mapping[str, float] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The type as text."""
        return _type_text(self.hint)

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values of a ``Literal``; empty for other types."""
        literal = typing.get_origin(self.hint) is typing.Literal
        return typing.get_args(self.hint) if literal else ()

    @property
    def allowed(self) -> str:
        """What the option takes, for a message: ``int, at least 1``."""
        limits = (f"{BOUNDS[key][0]} {format_value(v)}" for key, v in self.bounds.items())
        return ", ".join((self.type, *limits))

    def within_bounds(self, value: Any) -> bool:
        """Whether the numbers in a value keep the bounds."""
        if isinstance(value, tuple):
            return all(map(self.within_bounds, value))
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return True  # `auto` or none beside a number
        return all(BOUNDS[key][1](value, bound) for key, bound in self.bounds.items())


def can_be_given(hint: Any) -> bool:
    """Whether a spec can give values of this type."""
    return _adapter(hint) is not None


def default_fits(option: OptionInfo) -> bool:
    """Whether the default is of the option's type, exactly, and within its bounds."""
    adapter = _adapter(option.hint)
    try:
        return adapter is not None and option.within_bounds(
            adapter.validate_python(option.default, strict=True)
        )
    except ValueError:  # pydantic's error for a wrong value is one
        return False


def checked(option: OptionInfo, value: Any, text: Any, where: str) -> Any:
    """A value as the option's type has it.

    :param text: the value as it was written, for an option of text (`Spec.texts`).
    :param where: names the component in messages.
    :raises UsageError: says what the option takes.
    :raises BrokenComponentError: if no spec can give values of the type.
    """
    adapter = _adapter(option.hint)
    if adapter is None:
        reason = f"option {option.name} cannot be of type {option.type}"
        raise BrokenComponentError(f"{where} is not usable: {reason}")
    for candidate, strict in _readings(option.hint, value, text):
        with contextlib.suppress(ValueError):
            found = adapter.validate_python(candidate, strict=strict)
            if option.within_bounds(found):
                return found
    shown = f"{option.name}={format_value(value)}"
    listed = isinstance(value, str) and _fits(adapter, (value,))
    hint = f"; write {option.name}={format_value((value,))}" if listed else ""
    raise UsageError(f"{where}: option {shown} is not allowed; it takes {option.allowed}{hint}")


def _fits(adapter: Any, value: Any) -> bool:
    with contextlib.suppress(ValueError):
        adapter.validate_python(value, strict=True)
        return True
    return False


def written(option: OptionInfo, value: Any) -> str:
    """The value's text, without quotes where the type alone makes ``none`` and the like words."""
    if isinstance(value, str) and is_literal(value):
        with contextlib.suppress(UsageError):
            if checked(option, parse_value(value), value, "") == value:
                return value
    return format_value(value)


def _adapter(hint: Any) -> Any:
    """Pydantic's check of a type; None for a type without values that a spec can give."""
    import pydantic  # here, since listings must not wait for it

    try:
        return pydantic.TypeAdapter(hint)
    except pydantic.PydanticUserError:
        return None


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
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return "|".join(map(format_value, hint))
    if isinstance(hint, type) and not arguments:
        return hint.__name__
    return str(hint).replace("typing.", "")
