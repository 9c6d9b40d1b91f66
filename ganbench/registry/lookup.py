"""Looking components up by spec: names, who owns them, and what is meant by an unknown one."""

from __future__ import annotations

import importlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from ganbench.errors import ConflictError, UnknownNameError, UsageError, did_you_mean
from ganbench.registry import options
from ganbench.registry.discovery import canonical
from ganbench.registry.info import Bound, ComponentInfo
from ganbench.registry.kinds import KINDS, Kind, kind_of
from ganbench.registry.plugins import (
    PluginRecord,
    PluginState,
    Policy,
    Registration,
    load_plugins,
)
from ganbench.registry.specs import Spec, parse_spec

__all__ = [
    "Bound",
    "ComponentInfo",
    "Registry",
    "components",
    "default_registry",
    "get",
    "reset_default_registry",
]


_STRICT = {PluginState.CONFLICT: "is in conflict", PluginState.BROKEN: "is broken"}


class Registry:
    """All components that the loaded plugins provide.

    :ivar in_process: whether some of them exist in this process only, so that another one, which
        loads what is installed, would not find them.
    """

    in_process = False

    def __init__(self, plugins: list[PluginRecord], registrations: Iterable[Registration]) -> None:
        self.plugins = plugins
        self._bare: dict[str, dict[str, ComponentInfo]] = defaultdict(dict)
        self._qualified: dict[str, dict[str, ComponentInfo]] = defaultdict(dict)
        self._contested: dict[tuple[str, str], list[ComponentInfo]] = {}
        claims: dict[tuple[str, str], list[Registration]] = defaultdict(list)
        for registration in registrations:
            claims[registration.kind, registration.name].append(registration)
        for (kind, name), claimants in claims.items():
            self._settle(kind, name, claimants)
        self._examine()

    @classmethod
    def load(cls, entry_points: Any = None, environ: Mapping[str, str] | None = None) -> Registry:
        """Find and load the plugins that are installed (see `load_plugins`)."""
        environ = os.environ if environ is None else environ
        registry = cls(*load_plugins(entry_points, environ))
        if Policy.from_environment(environ).strict:
            for plugin in registry.plugins:
                if plugin.state in _STRICT:
                    what = _STRICT[plugin.state]
                    raise UsageError(f"plugin {plugin.label} {what}: {plugin.error}")
        return registry

    def components(self, kind: str) -> dict[str, ComponentInfo]:
        """Name -> ComponentInfo, sorted; a name that is contested appears only qualified."""
        name = kind_of(kind).name
        infos = [*self._bare[name].values(), *map(self._bare_or, self._qualified[name].values())]
        return {info.name: info for info in sorted(infos, key=lambda info: info.name)}

    def shipped(self, kind: str) -> list[ComponentInfo]:
        """The components that ganbench itself ships, in the order in which it registers them."""
        infos = self._bare[kind_of(kind).name].values()
        return [info for info in infos if info._registration.plugin.builtin]

    def info(self, kind: str, name: str, provider: str | None = None) -> ComponentInfo:
        """Look one component up; raises UnknownNameError or ConflictError."""
        what = kind_of(kind)
        if provider is not None:
            found = self._qualified[what.name].get(f"{canonical(provider)}:{name}")
            if found is None:
                raise UnknownNameError(self._unknown_sentence(what, name, provider))
            return self._bare_or(found)
        found = self._bare[what.name].get(name)
        if found is not None:
            return found
        rivals = self._contested.get((what.name, name))
        if rivals:
            ways = " or ".join(repr(rival.name) for rival in rivals)
            raise ConflictError(
                f"{what.name} {name!r} is claimed by several distributions; write {ways}"
            )
        raise UnknownNameError(self._unknown_sentence(what, name))

    def bind(self, kind: str, spec: str | Spec) -> Bound:
        """The component that a spec names, with its options checked."""
        parsed = parse_spec(spec) if isinstance(spec, str) else spec
        return self.bind_info(self.info(kind, parsed.name, parsed.provider), parsed)

    @staticmethod
    def bind_info(info: ComponentInfo, spec: Spec) -> Bound:
        """The component ``info`` with a spec's options."""
        where = f"{info.kind} {info.name!r}"
        return Bound(info, options.create(info.cls, spec.options, where, spec.texts))

    def find(self, spec: str | Spec) -> list[ComponentInfo]:
        """Components of any kind that the spec's name may mean, all claimants of it included."""
        parsed = parse_spec(spec) if isinstance(spec, str) else spec
        found: list[ComponentInfo] = []
        for kind in KINDS:
            try:
                found.append(self.info(kind, parsed.name, parsed.provider))
            except ConflictError:
                found += self._contested[kind, parsed.name]
            except UnknownNameError:
                continue
        if not found:
            raise UnknownNameError(self._unknown_sentence(None, parsed.name, parsed.provider))
        return found

    def _bare_or(self, qualified: ComponentInfo) -> ComponentInfo:
        """One component has one identity: its bare name wherever that is its own."""
        bare = self._bare[qualified.kind].get(qualified._registration.name)
        if bare is not None and bare._registration is qualified._registration:
            return bare
        return qualified

    def _settle(self, kind: str, name: str, claimants: list[Registration]) -> None:
        by_distribution: dict[str, Registration] = {}
        for claim in claimants:
            key = canonical(claim.plugin.distribution)
            if key in by_distribution:
                first = by_distribution[key].plugin.label
                _mark(claim.plugin, f"{kind} {name!r} is provided by {first} already")
                continue
            by_distribution[key] = claim
            qualified = f"{key}:{name}"
            self._qualified[kind][qualified] = ComponentInfo(claim, qualified)
        claims = list(by_distribution.values())
        owner = next((claim for claim in claims if claim.plugin.builtin), None)
        if owner is None and len(claims) == 1:
            owner = claims[0]
        if owner is not None:
            self._bare[kind][name] = ComponentInfo(owner, name)
        else:
            self._contested[kind, name] = [
                self._qualified[kind][f"{key}:{name}"] for key in by_distribution
            ]
        for key, claim in by_distribution.items():
            if claim is owner:
                continue
            rivals = [rival.plugin.label for rival in claims if rival is not claim]
            taken = "is built in" if owner else f"is claimed by {', '.join(rivals)} too"
            _mark(claim.plugin, f"{kind} {name!r} {taken}; this one is {f'{key}:{name}'!r}")

    def _examine(self) -> None:
        """Name the components that cannot be used, of those whose classes are there already."""
        for kind in list(self._qualified):
            for qualified in self._qualified[kind].values():
                info = self._bare_or(qualified)
                plugin = info._registration.plugin
                if info.imported and info.error is not None:
                    _mark(plugin, info.error, PluginState.BROKEN)
                elif info.imported and info.warning is not None:
                    plugin.warnings.append(info.warning)

    def _unknown_sentence(self, kind: Kind | None, name: str, provider: str | None = None) -> str:
        kinds = list(KINDS) if kind is None else [kind.name]
        what = "component" if kind is None else kind.name
        if provider is None:
            subject, hint = f"{what} {name!r}", self._near_names(kinds, name)
        else:
            subject = f"{what} {name!r} in {provider!r}"
            hint = self._near_qualified(kinds, name, provider)
        failed = [plugin.label for plugin in self.plugins if plugin.state is PluginState.FAILED]
        if failed:
            hint += f" (failed to load: {', '.join(failed)}; see `ganbench plugins`)"
        return f"unknown {subject}{hint}"

    def _near_names(self, kinds: list[str], name: str) -> str:
        for other in KINDS:
            if name in self._bare[other]:
                return f"; {name!r} is {'an' if other[0] in 'aeiou' else 'a'} {other}"
        return did_you_mean(name, [known for kind in kinds for known in self.components(kind)])

    def _near_qualified(self, kinds: list[str], name: str, provider: str) -> str:
        provider = canonical(provider)
        every = [known for kind in kinds for known in self._qualified[kind]]
        same_name = [known for known in every if known.endswith(f":{name}")]
        same_provider = [known for known in every if known.startswith(f"{provider}:")]
        return did_you_mean(f"{provider}:{name}", same_name or same_provider or every)


def _mark(plugin: PluginRecord, error: str, state: PluginState = PluginState.CONFLICT) -> None:
    plugin.state = state
    plugin.error = f"{plugin.error}; {error}" if plugin.error else error


_default: Registry | None = None


def default_registry() -> Registry:
    """The registry of the installed plugins, loaded once for a process."""
    global _default
    if _default is None:
        _default = Registry.load()
    return _default


def reset_default_registry() -> None:
    """Forget the loaded plugins, so that the next look-up finds what is installed by then."""
    global _default
    _default = None
    importlib.invalidate_caches()


def components(kind: str) -> dict[str, ComponentInfo]:
    """Name -> ComponentInfo of all components of a kind (``"architecture"``, ``"losses"``, …)."""
    return default_registry().components(kind)


def get(kind: str, spec: str) -> Any:
    """The component that a spec such as ``dcgan[width=32]`` names.

    :raises UsageError: for an unknown name (with a suggestion), a contested one or a bad option.
    """
    return default_registry().bind(kind, spec).component
