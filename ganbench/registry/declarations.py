"""What a component class declares, checked before anybody uses it.

A wrong declaration would otherwise show when a spec first gives the option, or never: a default of
the wrong type trains, and an attribute without an annotation looks like an option but is not one.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import inspect
import os
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from ganbench.registry.options import (
    OptionInfo,
    can_be_given,
    describe_options,
    fields_of,
    fits,
    option_types,
)

_CORE = __name__.partition(".")[0]
_MUTABLE: dict[Any, str] = {
    list: "tuple[{}, ...]",
    set: "tuple[{}, ...]",
    collections.abc.MutableSequence: "tuple[{}, ...]",
    collections.abc.MutableSet: "tuple[{}, ...]",
    dict: "one option for each of its entries",
    collections.abc.MutableMapping: "one option for each of its entries",
    bytearray: "str",
}
_VALUES = (bool, int, float, str, tuple, os.PathLike, enum.Enum)


def declaration_problem(cls: type[Any]) -> str | None:
    """What is wrong with the options that a component class declares, or None.

    :raises Exception: what evaluating the annotations raises.
    """
    return next(_problems(cls), None)


def declaration_warning(cls: type[Any], constants: frozenset[str] = frozenset()) -> str | None:
    """What its author may have meant to be an option, or None.

    :param constants: names that the contract knows beside the attributes of its class.
    """
    return next(_constants(cls, constants), None)


def undeclared(cls: type[Any], name: str) -> str | None:
    """How to make an option of an attribute without an annotation; None for anything else."""
    value = getattr(cls, name, None)
    looks = _is_value(value) and _looks_like_option(cls, name, frozenset())
    return _declaration(name, value) if looks else None


def _problems(cls: type[Any]) -> Iterator[str]:
    hints, described = option_types(cls), describe_options(cls)
    for base in _own(cls):
        yield from _without_effect(cls, base)
        yield from _overlooked(cls, base)
    for name, option in described.items():
        yield from _bad_type(option, hints[name])
        if not option.required:
            yield from _bad_default(option, hints[name])
    for name, field in _init_only(cls).items():
        if field.default is dataclasses.MISSING:
            yield (
                f"{name} is an InitVar without a default, which no spec can give: "
                f"declare it as an option, {name}: {_inner_type(field.type)}"
            )


def _bad_type(option: OptionInfo, hint: Any) -> Iterator[str]:
    for part in _parts(hint):
        kind = typing.get_origin(part) or part
        if isinstance(kind, type) and kind in _MUTABLE:
            items = typing.get_args(part)
            instead = _MUTABLE[kind].format(_type_name(items[0]) if items else "int")
            yield f"option {option.name} is of type {_type_name(part)}, which can change: use {instead}"
    if not can_be_given(hint):
        yield f"option {option.name} cannot be of type {option.type}, as no spec can give such a value"


def _bad_default(option: OptionInfo, hint: Any) -> Iterator[str]:
    value = option.default
    if not fits(hint, value, option):
        shown = "none" if value is None else repr(value)
        yield (
            f"option {option.name} has the default {shown} of type {type(value).__name__}, which is "
            f"not allowed: it takes {option.allowed}"
        )


def _without_effect(cls: type[Any], base: type[Any]) -> Iterator[str]:
    """Values in place of an inherited option, whose default stays what it was all the same."""
    inherited = fields_of(cls)
    for name, value in _bare_values(base):
        if name in inherited:
            yield (
                f"{base.__name__}.{name} has no annotation, so the option keeps the default "
                f"that it had before: add an annotation: {_declaration(name, value)}"
            )


def _constants(cls: type[Any], constants: frozenset[str]) -> Iterator[str]:
    """Values that look like options and are the same in every component of the class."""
    inherited = fields_of(cls)
    for base in _own(cls):
        for name, value in _bare_values(base):
            if name not in inherited and _looks_like_option(cls, name, constants):
                yield (
                    f"{base.__name__}.{name} has no annotation, so it is not an option: add an "
                    f"annotation: {_declaration(name, value)}, or ClassVar for a constant"
                )


def _own(cls: type[Any]) -> list[type[Any]]:
    """The class and those of its bases that its author may have written."""
    return [base for base in cls.__mro__ if not _of_the_core(base)]


def _bare_values(base: type[Any]) -> Iterator[tuple[str, Any]]:
    """Attributes without an annotation, which `dataclasses` does not see."""
    for name, value in vars(base).items():
        if name not in _annotations(base) and _is_value(value):
            yield name, value


def _declaration(name: str, value: Any) -> str:
    return f"{name}: {_type_of(value)} = {_written(value)}"


def _overlooked(cls: type[Any], base: type[Any]) -> Iterator[str]:
    """Annotations of a mixin that is not a dataclass, which `dataclasses` does not see either."""
    same_package = base.__module__.partition(".")[0] == cls.__module__.partition(".")[0]
    if not same_package or hasattr(base, "__dataclass_fields__"):
        return
    for name in _annotations(base):
        if name not in fields_of(cls) and not _is_class_variable(base, name):
            yield (
                f"{base.__name__}.{name} is not an option, since {base.__name__} is not a component "
                "class: decorate it with @dataclass(frozen=True)"
            )


def _looks_like_option(cls: type[Any], name: str, constants: frozenset[str]) -> bool:
    if name.startswith("_") or not any(letter.islower() for letter in name) or name in constants:
        return False
    if any(_of_the_core(base) and name in vars(base) for base in cls.__mro__):
        return False  # the contract declares it
    return not any(name in _annotations(base) for base in cls.__mro__)


def _is_value(value: Any) -> bool:
    return isinstance(value, _VALUES) and not isinstance(value, type)


def _written(value: Any) -> str:
    return str(value) if isinstance(value, enum.Enum) else repr(value)


def _type_of(value: Any) -> str:
    if isinstance(value, tuple):
        kinds = {_type_of(item) for item in value}
        return f"tuple[{kinds.pop()}, ...]" if len(kinds) == 1 else "tuple"
    return type(value).__name__


def _init_only(cls: type[Any]) -> Mapping[str, dataclasses.Field[Any]]:
    """InitVars: `dataclasses.fields` leaves them out, and so do specs."""
    every: Mapping[str, dataclasses.Field[Any]] = cls.__dataclass_fields__
    kept = {field.name for field in dataclasses.fields(cls)}
    class_variables = {n for b in cls.__mro__ for n in _annotations(b) if _is_class_variable(b, n)}
    return {n: f for n, f in every.items() if n not in kept and n not in class_variables}


def _inner_type(annotation: Any) -> str:
    """The type in an InitVar, which may be postponed."""
    if isinstance(annotation, dataclasses.InitVar):
        return _type_name(annotation.type)
    return str(annotation).partition("[")[2].removesuffix("]") or "int"


def _is_class_variable(base: type[Any], name: str) -> bool:
    annotation = _annotations(base)[name]
    if isinstance(annotation, str):
        return annotation.replace(" ", "").partition("[")[0].endswith("ClassVar")
    return annotation is typing.ClassVar or typing.get_origin(annotation) is typing.ClassVar


def _annotations(base: type[Any]) -> Mapping[str, Any]:
    return inspect.get_annotations(base)


def _of_the_core(base: type[Any]) -> bool:
    return base.__module__.partition(".")[0] in (_CORE, "builtins", "abc", "typing")


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    if typing.get_origin(hint) is typing.Literal:
        return
    for argument in typing.get_args(hint):
        yield from _parts(argument)


def _type_name(hint: Any) -> str:
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    return str(getattr(hint, "type", hint)).replace("typing.", "")
