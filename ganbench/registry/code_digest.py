"""Digest the code of a class that no file defines, such as one from a notebook's cell.

The digest covers the class, its bases, and the functions, classes and constants that they use, as far
as these come from the same module: source where Python can show it, bytecode elsewhere.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

_LENGTH = 16
_CONSTANTS = (bool, int, float, str, bytes, tuple, frozenset, type(None))
_BOOKKEEPING = (
    *("__dict__", "__weakref__", "__doc__", "__abstractmethods__", "_abc_impl", "__module__"),
    *("__dataclass_fields__", "__dataclass_params__", "__match_args__", "__firstlineno__"),
    *("__static_attributes__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
)
_BYTECODE = f"bytecode-{sys.version_info.major}.{sys.version_info.minor}"


def code_digest(cls: type[Any]) -> str:
    """A digest of the class's code, the same in each process that defines it by the same text."""
    seen: dict[int, str] = {}
    waiting: list[Any] = [cls]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        text, uses = _described(part)
        seen[id(part)] = text
        waiting += [one for one in uses if _belongs(one, cls.__module__)]
    texts = sorted(seen.values())
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:_LENGTH]
    # What stands behind the dot is its edition: source and bytecode do not compare.
    return f"{digest}.{_BYTECODE}" if any(_BYTECODE in text for text in texts) else digest


def _described(part: Any) -> tuple[str, list[Any]]:
    """A part as text, and what it uses."""
    if isinstance(part, FunctionType):
        constants = [f"{n} = {v!r}" for n, v in _globals_of(part) if isinstance(v, _CONSTANTS)]
        defaults = repr((part.__defaults__, part.__kwdefaults__))
        text = "\n".join([part.__qualname__, _source(part), defaults, *sorted(constants)])
        return text, [value for _, value in _globals_of(part)]
    lines, uses = [f"class {part.__qualname__}", repr(inspect.get_annotations(part))], []
    for name, value in sorted(vars(part).items()):
        functions = list(_functions(value))
        if functions:
            uses += [one for one in functions if not _made_by_dataclasses(one)]
        elif name not in _BOOKKEEPING and isinstance(value, _CONSTANTS):
            lines.append(f"{name} = {value!r}")
    return "\n".join(lines), [*uses, *part.__mro__]


def _functions(value: Any) -> Iterator[FunctionType]:
    """The functions behind an attribute of a class."""
    for one in (value, *(getattr(value, name, None) for name in ("__func__", "fget", "func"))):
        if isinstance(one, FunctionType):
            yield one


def _made_by_dataclasses(function: FunctionType) -> bool:
    name = function.__name__
    special = name.startswith("__") and name != "__post_init__"
    return special and function.__code__.co_filename == "<string>"


def _globals_of(function: FunctionType) -> list[tuple[str, Any]]:
    """What a function takes from its module and from around it: name and value."""
    names = {*_names(function.__code__)}
    taken = [(name, function.__globals__[name]) for name in names & function.__globals__.keys()]
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    around = [(name, cell.cell_contents) for name, cell in cells if name != "__class__"]
    return [(name, value) for name, value in (*taken, *around) if not isinstance(value, ModuleType)]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _source(function: FunctionType) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return f"{_BYTECODE}\n{_bytecode(function.__code__)}"


def _bytecode(code: CodeType) -> str:
    parts = (_bytecode(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts)
    return "\n".join([code.co_code.hex(), repr(code.co_names), *parts])


def _belongs(part: Any, module: str) -> bool:
    code = isinstance(part, FunctionType) or inspect.isclass(part)
    return code and getattr(part, "__module__", None) == module
