"""Options of components: the fields of their dataclass, described, checked and compared."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import os
import sys
import typing
from collections.abc import Collection, Mapping
from typing import Any

from ganbench.base.errors import (
    BrokenComponentError,
    UnknownNameError,
    UsageError,
    did_you_mean,
    one_line,
)
from ganbench.registry.guard import quiet_stdout
from ganbench.registry.option_info import BOUNDS, OptionInfo, checked, written
from ganbench.registry.specs import format_value, join_spec

_CORE = __name__.partition(".")[0]
_VALUES = (bool, int, float, str, tuple, os.PathLike, enum.Enum)


class MissingOptionError(UsageError):
    """A required option was not given; all options that were given are right."""


def describe_options(cls: type[Any]) -> dict[str, OptionInfo]:
    """The options of a component class, in the order of their definition.

    :raises Exception: what evaluating the options' annotations raises.
    """
    return {name: _describe(cls, field) for name, field in fields_of(cls).items()}


def create(
    cls: type[Any],
    options: Mapping[str, Any],
    where: str,
    texts: Mapping[str, Any] | None = None,
    also: Collection[str] = (),
) -> Any:
    """An instance of ``cls`` with checked options; ``where`` names it in messages.

    :param texts: the options as they were written, for those that take text (`Spec.texts`).
    :param also: other names that whoever calls this reads as options, for advice.
    :raises UsageError: names the option, the value and what is allowed.
    :raises MissingOptionError: if only an option is missing.
    :raises BrokenComponentError: if the class itself is at fault.
    """
    known = describe_options(cls)
    values = {}
    for name, value in options.items():
        if name not in known:
            raise UnknownNameError(
                f"{where} has no option {name!r}{_hint(cls, name, [*known, *also])}"
            )
        text = (texts or {}).get(name, _as_text(value))
        values[name] = checked(known[name], _frozen(value), text, where)
    missing = [name for name, option in known.items() if option.required and name not in values]
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
    known = describe_options(type(component))
    changed = changed_options(component).items()
    return join_spec(name, {option: written(known[option], value) for option, value in changed})


def all_options(component: Any) -> dict[str, Any]:
    """Every option with its value, sorted by name."""
    return {name: getattr(component, name) for name in sorted(fields_of(type(component)))}


def fields_of(cls: type[Any]) -> dict[str, dataclasses.Field[Any]]:
    """Option -> the field that declares it, in the order of their definition."""
    return {f.name: f for f in dataclasses.fields(cls) if f.init}


def _describe(cls: type[Any], field: dataclasses.Field[Any]) -> OptionInfo:
    return OptionInfo(
        name=field.name,
        hint=_type_of(cls, field.name),
        default=None if _required(field) else _default(field),
        required=_required(field),
        help=str(field.metadata.get("help", "")),
        bounds={key: field.metadata[key] for key in BOUNDS if key in field.metadata},
    )


def _type_of(cls: type[Any], name: str) -> Any:
    """An option's type; annotations beside it may name what exists for type checkers only."""
    owner = next(base for base in cls.__mro__ if name in inspect.get_annotations(base))
    annotations = {name: inspect.get_annotations(owner)[name]}
    one = type(owner.__name__, (), {"__annotations__": annotations})
    names = vars(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else {}
    # As for a class: what its module calls a name goes before what the class does.
    return typing.get_type_hints(one, {**vars(owner)}, {**names}, include_extras=True)[name]


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _hint(cls: type[Any], name: str, known: Collection[str]) -> str:
    """What to write in place of an unknown option."""
    value = getattr(cls, name, None)
    if is_value(value) and looks_like_option(cls, name):
        wanted = declaration(name, value)
        return f": {cls.__name__}.{name} has no annotation; it needs {wanted}"
    return did_you_mean(name, known) if known else "; it has no options"


def looks_like_option(cls: type[Any], name: str, constants: frozenset[str] = frozenset()) -> bool:
    """Whether an attribute is neither private, nor a constant, nor known to the contract."""
    if name.startswith("_") or not any(letter.islower() for letter in name) or name in constants:
        return False
    if any(is_of_the_core(base) and name in vars(base) for base in cls.__mro__):
        return False  # the contract declares it
    return not any(name in inspect.get_annotations(base) for base in cls.__mro__)


def is_value(value: Any) -> bool:
    """Whether an attribute's value could be that of an option."""
    return isinstance(value, _VALUES) and not isinstance(value, type)


def is_of_the_core(base: type[Any]) -> bool:
    """Whether a class comes from ganbench or Python, and not from a component's author."""
    return base.__module__.partition(".")[0] in (_CORE, "builtins", "abc", "typing")


def declaration(name: str, value: Any) -> str:
    """``width: int = 64``."""
    shown = str(value) if isinstance(value, enum.Enum) else repr(value)
    return f"{name}: {_type_name(value)} = {shown}"


def _type_name(value: Any) -> str:
    if isinstance(value, tuple):
        kinds = {_type_name(item) for item in value}
        return f"tuple[{kinds.pop()}, ...]" if len(kinds) == 1 else "tuple"
    return type(value).__name__


def _as_text(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(map(_as_text, value))
    return value if isinstance(value, str) else format_value(value)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value
