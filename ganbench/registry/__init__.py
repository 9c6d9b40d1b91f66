"""Finding components: hooks, the guarded entry-point loader, specs and look-up (torch-free)."""

from ganbench.registry.kinds import KINDS, Kind, kind_of
from ganbench.registry.lookup import (
    ComponentInfo,
    Registry,
    components,
    default_registry,
    get,
    reset_default_registry,
)
from ganbench.registry.markers import hookimpl, hookspec
from ganbench.registry.plugins import PluginRecord, PluginState
from ganbench.registry.specs import Spec, format_spec, format_value, parse_spec

__all__ = [
    "KINDS",
    "ComponentInfo",
    "Kind",
    "PluginRecord",
    "PluginState",
    "Registry",
    "Spec",
    "components",
    "default_registry",
    "format_spec",
    "format_value",
    "get",
    "hookimpl",
    "hookspec",
    "kind_of",
    "parse_spec",
    "reset_default_registry",
]
