"""Components of this Python session: classes that no plugin registers, used as objects."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from ganbench.base.errors import UsageError
from ganbench.registry.code_digest import code_digest
from ganbench.registry.info import ComponentInfo
from ganbench.registry.kinds import KINDS, Kind
from ganbench.registry.lookup import SESSION as SESSION
from ganbench.registry.lookup import Registry, default_registry
from ganbench.registry.options import canonical_spec
from ganbench.registry.plugins import PluginRecord, Registration
from ganbench.registry.sources import UNKNOWN, source_digest
from ganbench.registry.specs import kebab

VERSION = "local"
_LOADER = PluginRecord(SESSION, SESSION, VERSION, SESSION)


def kind_of_component(value: Any) -> Kind | None:
    """The kind of a component, or of a component class; None for anything else."""
    cls = value if inspect.isclass(value) else type(value)
    names = {f"{base.__module__}:{base.__qualname__}" for base in cls.__mro__}
    return next((kind for kind in KINDS.values() if kind.contract in names), None)


def info_of(value: Any, registry: Registry | None = None) -> ComponentInfo:
    """How the registry knows a component or its class; a class that is new to it is added.

    :raises UsageError: for something that is no component.
    """
    kind = kind_of_component(value)
    if kind is None:
        raise UsageError(f"{value!r} is not a component: derive its class from one of ganbench")
    cls = value if inspect.isclass(value) else type(value)
    registry = default_registry() if registry is None else registry
    for info in registry.components(kind.name).values():
        if info.is_of(cls):
            return info
    return adopt(kind.name, kebab(cls.__name__), cls, _digest(cls), registry)


def spec_of(value: Any, info: ComponentInfo) -> str:
    """The spec that makes the component again, in this process and in others.

    :raises UsageError: for a component that differs from what its spec makes.
    """
    if inspect.isclass(value):
        return info.name
    spec = canonical_spec(info.name, value)
    made = default_registry().bind(info.kind, spec).component
    if made != value:
        raise UsageError(f"{info.kind} {value!r} is not what its spec {spec} makes: {made!r}")
    return spec


def adopt(
    kind: str, name: str, cls: type[Any], source: str, registry: Registry | None = None
) -> ComponentInfo:
    """Add a class under a name; one of the same name that was added before gives way.

    :param source: the digest of its code.
    """
    summary = (cls.__dict__.get("__doc__") or "").strip().partition("\n")[0]
    registration = Registration(kind, name, cls, summary, _LOADER, source)
    return (default_registry() if registry is None else registry).add_local(registration)


def session_components() -> list[ComponentInfo]:
    """The components of this session."""
    registry = default_registry()
    found = (info for kind in KINDS for info in registry.components(kind).values())
    return [info for info in found if info.provider == SESSION]


def _digest(cls: type[Any]) -> str:
    """Of the files that define a class, or of the class alone where it comes from no module."""
    spec = getattr(sys.modules.get(cls.__module__), "__spec__", None)
    found = UNKNOWN if spec is None else source_digest(cls, SESSION)
    return code_digest(cls) if found == UNKNOWN else found
