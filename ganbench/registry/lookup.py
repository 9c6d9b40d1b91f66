"""Look components up by spec: names, their owners, and suggestions for unknown ones."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from ganbench.base.errors import ConflictError, UnknownNameError, UsageError, did_you_mean
from ganbench.base.text import with_article
from ganbench.registry import options, spec_hints
from ganbench.registry.discovery import canonical
from ganbench.registry.info import ComponentInfo as ComponentInfo
from ganbench.registry.info import ResolvedComponent as ResolvedComponent
from ganbench.registry.kinds import KINDS, Kind, kind_of
from ganbench.registry.plugin_files import check_demanded
from ganbench.registry.plugins import TROUBLE, PluginRecord, PluginState, Registration, load_plugins
from ganbench.registry.specs import Spec, parse_spec

#: The provider of components that are objects of a Python session, see `session`.
SESSION = "session"


class Registry:
    """All components that the loaded plugins provide.

    :ivar in_process: whether some of them exist in this process only; other processes load what is
        installed.
    """

    in_process = False

    def __init__(self, plugins: list[PluginRecord], registrations: Iterable[Registration]) -> None:
        self.plugins = plugins
        self._bare: dict[str, dict[str, ComponentInfo]] = defaultdict(dict)
        self._qualified: dict[str, dict[str, ComponentInfo]] = defaultdict(dict)
        self._contested: dict[tuple[str, str], list[ComponentInfo]] = defaultdict(list)
        claims: dict[tuple[str, str], list[Registration]] = defaultdict(list)
        for registration in registrations:
            claims[registration.kind, registration.name].append(registration)
        for (kind, name), claimants in claims.items():
            self._assign(kind, name, claimants)
        self._examine()

    @classmethod
    def load(cls, entry_points: Any = None, environ: Mapping[str, str] | None = None) -> Registry:
        """Find and load the plugins that are installed (see `load_plugins`).

        :raises UsageError: for a plugin in trouble, if ``GANBENCH_STRICT_PLUGINS=1`` asks for it, and
            for a file that ``--plugin`` names and that fails to load.
        """
        environ = os.environ if environ is None else environ
        registry = cls(*load_plugins(entry_points, environ))
        for plugin in registry.plugins:
            check_demanded(plugin.value, plugin.cause)
        if environ.get("GANBENCH_STRICT_PLUGINS", "") not in ("", "0"):
            troubled = [plugin for plugin in registry.plugins if plugin.state in TROUBLE]
            for plugin in sorted(troubled, key=lambda one: one.state is not PluginState.FAILED):
                message = f"plugin {plugin.label} {TROUBLE[plugin.state]}: {plugin.error}"
                raise UsageError(message) from plugin.cause
        return registry

    def components(self, kind: str) -> dict[str, ComponentInfo]:
        """Name -> ComponentInfo, sorted; a contested name appears only qualified."""
        name = kind_of(kind).name
        infos = {info.name: info for info in self._qualified[name].values()}
        return dict(sorted(infos.items()))

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
            return found
        found = self._bare[what.name].get(name)
        if found is not None:
            return found
        claimants = self._contested.get((what.name, name))
        if claimants:
            ways = " or ".join(repr(claimant.name) for claimant in claimants)
            raise ConflictError(
                f"{what.name} {name!r} is claimed by several distributions; write {ways}"
            )
        raise UnknownNameError(self._unknown_sentence(what, name))

    def bind(self, kind: str, spec: str | Spec) -> ResolvedComponent:
        """Resolve a spec to a component with checked options."""
        parsed = self._parsed(kind, spec) if isinstance(spec, str) else spec
        return self.bind_info(self.info(kind, parsed.name, parsed.provider), parsed)

    @staticmethod
    def bind_info(info: ComponentInfo, spec: Spec) -> ResolvedComponent:
        """The component ``info`` with a spec's options."""
        where = f"{info.kind} {info.name!r}"
        return ResolvedComponent(info, options.create(info.cls, spec.options, where, spec.texts))

    def find(self, spec: str | Spec) -> list[ComponentInfo]:
        """Components of any kind that the spec's name may mean, with all claimants of a name."""
        parsed = self._parsed(None, spec) if isinstance(spec, str) else spec
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

    def add_local(self, registration: Registration) -> ComponentInfo:
        """Add a component of this process, or replace it; a name that is taken stays its owner's."""
        kind, name, plugin = registration.kind, registration.name, registration.plugin
        qualified, owner = f"{canonical(plugin.distribution)}:{name}", self._bare[kind].get(name)
        mine = owner is None or owner.provider == plugin.distribution
        free = mine and (kind, name) not in self._contested
        info = ComponentInfo(registration, name if free else qualified)
        self._qualified[kind][qualified] = info
        if free:
            self._bare[kind][name] = info
        return info

    def _assign(self, kind: str, name: str, claimants: list[Registration]) -> None:
        """Give a name to the distribution that owns it."""
        claims: dict[str, Registration] = {}
        for claim in claimants:
            first = claims.setdefault(canonical(claim.plugin.distribution), claim)
            if first is not claim:
                provided = f"{kind} {name!r} is provided by {first.plugin.label} already"
                claim.plugin.note_fault(PluginState.CONFLICT, provided)
        owner = next((claim for claim in claims.values() if claim.plugin.builtin), None)
        if owner is None and len(claims) == 1:
            (owner,) = claims.values()
        for key, claim in claims.items():
            qualified = f"{key}:{name}"
            info = ComponentInfo(claim, name if claim is owner else qualified)
            self._qualified[kind][qualified] = info
            if claim is owner:
                self._bare[kind][name] = info
                continue
            if owner is None:
                self._contested[kind, name].append(info)
            others = [other.plugin.label for other in claims.values() if other is not claim]
            taken = "is built in" if owner else f"is claimed by {', '.join(others)} too"
            problem = f"{kind} {name!r} {taken}; this one is {qualified!r}"
            claim.plugin.note_fault(PluginState.CONFLICT, problem)

    def _examine(self) -> None:
        """Mark plugins with components that cannot be used, of those that need no import."""
        for kind in list(self._qualified):
            for info in self._qualified[kind].values():
                plugin = info._registration.plugin
                if info.imported and info.error is not None:
                    plugin.note_fault(PluginState.BROKEN, info.error, info.place)
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
            if provider == SESSION:
                hint = (
                    "; it was a class of another Python session: define it here too, and hand it to "
                    "ganbench.run, which then knows it"
                )
        failed = [plugin.label for plugin in self.plugins if plugin.state is PluginState.FAILED]
        shipped = any(plugin.builtin for plugin in self.plugins)
        if kind is not None and shipped and not self.components(kind.name):
            hint = (
                f"; no {kind.plural} are registered, so the installed list of ganbench's plugins is "
                "older than its code: install ganbench again (pip install -e .)"
            )
        if failed:
            hint += f" (failed to load: {', '.join(failed)}; see `ganbench plugins`)"
        return f"unknown {subject}{hint}"

    def _near_names(self, kinds: list[str], name: str) -> str:
        for other in KINDS:
            if name in self._bare[other]:
                return f"; {name!r} is {with_article(other)}"
        known = self._known(kinds)
        path = spec_hints.for_a_path(kinds[0], name, known) if len(kinds) == 1 else ""
        said = {k: info.aliases for k, info in known.items()}
        return path or spec_hints.for_a_plugin_file(name) or did_you_mean(name, known, said)

    def _known(self, kinds: Iterable[str]) -> dict[str, ComponentInfo]:
        return {name: info for kind in kinds for name, info in self.components(kind).items()}

    def _parsed(self, kind: str | None, text: str) -> Spec:
        """As `parse_spec`; the message also says what to write instead."""
        try:
            return parse_spec(text)
        except UsageError as error:
            what = "component" if kind is None else kind_of(kind).name
            known = self._known(KINDS if kind is None else [what])
            path = spec_hints.for_a_path(what, text.strip(), known)
            if path:
                raise UnknownNameError(f"unknown {what} {text!r}{path}") from None
            raise type(error)(f"{error}{spec_hints.hint(text.strip(), known)}") from None

    def _near_qualified(self, kinds: list[str], name: str, provider: str) -> str:
        provider = canonical(provider)
        every = [known for kind in kinds for known in self._qualified[kind]]
        same_name = [known for known in every if known.endswith(f":{name}")]
        same_provider = [known for known in every if known.startswith(f"{provider}:")]
        return did_you_mean(f"{provider}:{name}", same_name or same_provider or every)


_default: Registry | None = None


def default_registry() -> Registry:
    """The registry of the installed plugins, loaded once for a process."""
    global _default
    if _default is None:
        _default = Registry.load()
    return _default


def components(kind: str) -> dict[str, ComponentInfo]:
    """Name -> ComponentInfo of all components of a kind (``"architecture"``, ``"losses"``, …)."""
    return default_registry().components(kind)


def get(kind: str, spec: str) -> Any:
    """The component that a spec such as ``dcgan[width=32]`` names.

    :raises UsageError: for an unknown name (with a suggestion), a contested name or a bad option.
    """
    return default_registry().bind(kind, spec).component
