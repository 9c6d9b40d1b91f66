"""Component objects in the place of specs, and their way to worker processes.

A worker imports the class of an object from its module. A class that a notebook's cell or a script
defines is in no module that a worker could import: cloudpickle sends the code itself.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import importlib
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import cloudpickle

from ganbench.base.errors import UsageError, one_line
from ganbench.registry.info import ComponentInfo
from ganbench.registry.session import (
    SESSION,
    adopt,
    info_of,
    kind_of_component,
    session_components,
    spec_of,
)


def with_specs(value: Any, used: list[ComponentInfo]) -> Any:
    """The content of a grid with specs in place of component objects and classes.

    :param used: gets what the registry knows of each of them.
    :raises UsageError: for an object that no spec can make.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {key: with_specs(item, used) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_specs(item, used) for item in value]
    if kind_of_component(value) is None:
        return value
    info = info_of(value)
    used.append(info)
    return spec_of(value, info)


def check_portable(used: Sequence[ComponentInfo]) -> None:
    """Raise UsageError for a component of this session that no other process can get."""
    for info in used:
        if info.provider == SESSION:
            try:
                _payload(info)
            except Exception as error:
                raise UsageError(
                    f"{info.kind} {info.name} cannot be sent to worker processes "
                    f"({one_line(error)}); use executor='inline', or put its class into a file"
                ) from error


def packed_components() -> list[dict[str, str]]:
    """The components of this session, for other processes, as far as they can be sent."""
    found = []
    for info in session_components():
        try:
            payload = _payload(info)
        except Exception:
            continue  # `check_portable` refuses it where it is used
        about = {"kind": info.kind, "name": info.bare_name, "source": info.source}
        found.append({**about, "payload": base64.b64encode(payload).decode()})
    return found


def adopt_components(packed: Sequence[Mapping[str, str]]) -> list[str]:
    """Add what another process packed; a sentence for each that cannot be loaded here."""
    problems = []
    for one in packed:
        try:
            cls = cloudpickle.loads(base64.b64decode(one["payload"]))
        except Exception as error:
            problems.append(f"{one['kind']} {one['name']} cannot be loaded: {one_line(error)}")
        else:
            adopt(one["kind"], one["name"], cls, one["source"])
    return problems


class _Pickler(cloudpickle.Pickler):
    """Sends by its name what `dataclasses` compares by identity, since a copy would equal nothing.

    Modules of special types, as ``ganbench`` itself is, go by their names too. A cached property has a
    lock before Python 3.12.
    """

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, ModuleType) and sys.modules.get(obj.__name__) is obj:
            return importlib.import_module, (obj.__name__,)
        if type(obj) is functools.cached_property:
            return _cached_property, (obj.func, obj.attrname)
        name = _SINGLE.get(id(obj))
        return super().reducer_override(obj) if name is None else name


_SINGLE = {
    id(getattr(dataclasses, name)): name
    for name in ("MISSING", "_FIELD", "_FIELD_CLASSVAR", "_FIELD_INITVAR")
}


def _cached_property(function: Callable[[Any], Any], name: str) -> functools.cached_property[Any]:
    made = functools.cached_property(function)
    made.attrname = name
    return made


def _payload(info: ComponentInfo) -> bytes:
    """The class, pickled: by its name where a module holds it, else with its code."""
    with io.BytesIO() as target:
        _Pickler(target).dump(info.cls)
        return target.getvalue()
