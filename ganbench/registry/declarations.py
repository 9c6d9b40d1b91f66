"""Check what a component class declares before anybody uses it.

A wrong declaration would otherwise show when a spec first gives the option, or never: a default of
the wrong type trains, and an attribute without an annotation looks like an option but is not one.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import types
import typing
from collections.abc import Iterator
from typing import Any

from ganbench.registry.option_info import OptionInfo, can_be_given, default_fits
from ganbench.registry.options import (
    declaration,
    describe_options,
    fields_of,
    is_of_the_core,
    is_value,
    looks_like_option,
)
from ganbench.registry.signatures import wrong_signatures

#: What to do in place of a function or class as a value.
_NAMES = "; make it a name, such as Literal['relu', 'tanh'], and look up the function in a method"
#: Mutable type -> what to use instead; ``{}`` stands for the type of its items.
_MUTABLE: dict[Any, str] = {
    list: "tuple[{}, ...]",
    set: "tuple[{}, ...]",
    collections.abc.MutableSequence: "tuple[{}, ...]",
    collections.abc.MutableSet: "tuple[{}, ...]",
    dict: "one option for each of its entries",
    collections.abc.MutableMapping: "one option for each of its entries",
    bytearray: "str",
}


def declaration_problem(cls: type[Any]) -> str | None:
    """What is wrong with the options that a component class declares, or None.

    :raises Exception: what evaluating the annotations raises.
    """
    return next(_problems(cls), None)


def declaration_warning(cls: type[Any], constants: frozenset[str] = frozenset()) -> str | None:
    """What the author may have meant as an option, or None.

    :param constants: names that the contract knows beside the attributes of its class.
    """
    for base in _authors_classes(cls):
        for name, value in _bare_values(base):
            if name not in fields_of(cls) and looks_like_option(cls, name, constants):
                return (
                    f"{base.__name__}.{name} has no annotation, so it is not an option: add an "
                    f"annotation: {declaration(name, value)}, or ClassVar for a constant"
                )
    return None


def _problems(cls: type[Any]) -> Iterator[str]:
    described = describe_options(cls)
    for base in _authors_classes(cls):
        yield from _without_effect(cls, base)
        yield from _overlooked(cls, base)
    for option in described.values():
        yield from _bad_type(option)
        if not option.required:
            yield from _bad_default(option)
    for name, field in _init_only(cls).items():
        if field.default is dataclasses.MISSING:
            yield (
                f"{name} is an InitVar without a default, which no spec can give: "
                f"declare it as an option, {name}: {_inner_type(field.type)}"
            )
    yield from wrong_signatures(cls)


def _bad_type(option: OptionInfo) -> Iterator[str]:
    for part in _parts(option.hint):
        kind = typing.get_origin(part) or part
        if isinstance(kind, type) and kind in _MUTABLE:
            items = typing.get_args(part)
            instead = _MUTABLE[kind].format(_type_name(items[0]) if items else "int")
            yield f"option {option.name} is of type {_type_name(part)}, which can change: use {instead}"
    if not can_be_given(option.hint) or any(map(_is_code, _parts(option.hint))):
        yield (
            f"option {option.name} cannot be of type {option.type}, as no spec can give such a value"
            f"{_NAMES if any(map(_is_code, _parts(option.hint))) else ''}"
        )


def _bad_default(option: OptionInfo) -> Iterator[str]:
    if not default_fits(option):
        value = option.default
        yield (
            f"option {option.name} has the default {_shown(value)} of type {type(value).__name__}, "
            f"which is not allowed: it takes {option.allowed}"
        )
    elif not _has_text(option.default):
        yield (
            f"option {option.name} has the default {_shown(option.default)} of type "
            f"{type(option.default).__name__}, which no spec can give{_NAMES}"
        )


def _is_code(part: Any) -> bool:
    """Whether a type's values are functions, classes or any objects, which have no text."""
    kind: Any = typing.get_origin(part) or part
    return kind in (collections.abc.Callable, type, object, types.FunctionType)


def _has_text(value: Any) -> bool:
    """Whether a default can be written down, so that it means the same in every process."""
    if isinstance(value, (tuple, frozenset)):
        return all(map(_has_text, value))
    kind: Any = type(value)
    return not callable(value) and kind.__repr__ is not object.__repr__


def _shown(value: Any) -> str:
    """A value without addresses in memory."""
    if value is None:
        return "none"
    if callable(value):
        return str(getattr(value, "__qualname__", type(value).__name__))
    return repr(value)


def _without_effect(cls: type[Any], base: type[Any]) -> Iterator[str]:
    """Values that look like new defaults of inherited options and have no effect."""
    for name, value in _bare_values(base):
        if name in fields_of(cls):
            yield (
                f"{base.__name__}.{name} has no annotation, so the option keeps the default "
                f"that it had before: add an annotation: {declaration(name, value)}"
            )


def _overlooked(cls: type[Any], base: type[Any]) -> Iterator[str]:
    """Annotations of a mixin that is not a dataclass, which `dataclasses` does not see either."""
    same_package = base.__module__.partition(".")[0] == cls.__module__.partition(".")[0]
    if not same_package or hasattr(base, "__dataclass_fields__"):
        return
    for name in inspect.get_annotations(base):
        if name not in fields_of(cls) and not _is_class_variable(base, name):
            yield (
                f"{base.__name__}.{name} is not an option, since {base.__name__} is not a component "
                "class: decorate it with @dataclass(frozen=True)"
            )


def _authors_classes(cls: type[Any]) -> list[type[Any]]:
    """The class and those of its bases that its author may have written."""
    return [base for base in cls.__mro__ if not is_of_the_core(base)]


def _bare_values(base: type[Any]) -> Iterator[tuple[str, Any]]:
    """Attributes without an annotation, which `dataclasses` does not see."""
    for name, value in vars(base).items():
        if name not in inspect.get_annotations(base) and is_value(value):
            yield name, value


def _is_class_variable(base: type[Any], name: str) -> bool:
    """Whether an annotation, which may be postponed, is a ``ClassVar``."""
    annotation: Any = inspect.get_annotations(base)[name]
    if isinstance(annotation, str):
        return annotation.replace(" ", "").partition("[")[0].endswith("ClassVar")
    return annotation is typing.ClassVar or typing.get_origin(annotation) is typing.ClassVar


def _init_only(cls: type[Any]) -> dict[str, dataclasses.Field[Any]]:
    """InitVars: `dataclasses.fields` leaves them out, and so do specs."""
    known = {field.name for field in dataclasses.fields(cls)}
    known |= {
        n for b in cls.__mro__ for n in inspect.get_annotations(b) if _is_class_variable(b, n)
    }
    return {name: f for name, f in cls.__dataclass_fields__.items() if name not in known}


def _inner_type(annotation: Any) -> str:
    """The type in an InitVar, which may be postponed."""
    if isinstance(annotation, dataclasses.InitVar):
        return _type_name(annotation.type)
    return str(annotation).partition("[")[2].removesuffix("]") or "int"


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    if typing.get_origin(hint) is not typing.Literal:
        for argument in typing.get_args(hint):
            yield from _parts(argument)


def _type_name(hint: Any) -> str:
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    return str(getattr(hint, "type", hint)).replace("typing.", "")
