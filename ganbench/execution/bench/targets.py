"""What to time: the components that specs name, the suites of a file, or a plugin's components."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

from ganbench.base.errors import UsageError
from ganbench.base.text import joined
from ganbench.execution.bench.plan import Plan, Target
from ganbench.execution.bench.session import classes_in
from ganbench.registry import KINDS, ComponentInfo, Registry, parse_spec

_NOTHING = (
    'name what to time, as in `ganbench bench "my-loss[weight=2]"`, or a file of suites; without a '
    "name, these are the components of --plugin files and of the plugins in the current folder, and "
    "no plugin was found there"
)


def targets_of(
    names: Sequence[str], kind: str | None, registry: Registry, plan: Plan
) -> list[Target]:
    """The targets that names stand for; without names, the components of the author's plugins.

    :param names: specs, or files of suites: ``bench_mine.py`` or ``bench_mine.py::TestMineSpeed``.
    :raises UsageError: for a name that means nothing, or several components.
    """
    if not names:
        found = [_of_info(info) for info in _own_components(registry) if kind in (None, info.kind)]
        if not found:
            raise UsageError(_NOTHING)
        return found
    return [target for name in names for target in _named(name, kind, registry, plan)]


def _named(name: str, kind: str | None, registry: Registry, plan: Plan) -> list[Target]:
    file, _, cls = name.partition("::")
    if file.endswith(".py"):
        return _in_file(file, cls, plan)
    parsed = parse_spec(name)
    if kind is not None:
        return [_of_info(registry.info(kind, parsed.name, parsed.provider), name)]
    infos = registry.find(parsed)
    if len(infos) > 1:
        kinds = [info.kind for info in infos]
        raise UsageError(f"{name!r} is {joined(kinds)}: choose one with --kind")
    return [_of_info(infos[0], name)]


def _in_file(file: str, cls: str, plan: Plan) -> list[Target]:
    if not os.path.isfile(file):
        raise UsageError(f"{file}: there is no such file")
    known = classes_in(file, plan)
    if cls and cls not in known:
        raise UsageError(f"{file} has no suite {cls}; it has {joined(known)}")
    return [Target.of_class(os.path.abspath(file), name) for name in known if cls in ("", name)]


def _of_info(info: ComponentInfo, spec: str = "") -> Target:
    return Target.of_spec(info.kind, spec or info.name)


def _own_components(registry: Registry) -> list[ComponentInfo]:
    """The components of plugins whose code lies in the current folder, or that --plugin names."""
    plugins = {
        plugin.name for plugin in registry.plugins if not plugin.builtin and _here(plugin.value)
    }
    infos = (info for kind in KINDS for info in registry.components(kind).values())
    return [info for info in infos if info.plugin in plugins and not info.builtin]


def _here(value: str) -> bool:
    """Whether an entry point's module lies in the current folder; a plugin file counts anywhere."""
    if os.path.isabs(value):
        return True
    top = value.partition(":")[0].partition(".")[0]
    spec = importlib.util.find_spec(top)
    return bool(spec and spec.origin and Path(spec.origin).resolve().is_relative_to(Path.cwd()))
