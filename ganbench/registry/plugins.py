"""Load plugins one by one, so that a broken plugin hurts only itself."""

from __future__ import annotations

import enum
import functools
import importlib.metadata
import inspect
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

import pluggy

from ganbench.base.errors import did_you_mean, one_line
from ganbench.registry import hookspecs
from ganbench.registry.discovery import canonical, installed_entry_points, read_value
from ganbench.registry.fault_place import HookError, place_of_error
from ganbench.registry.guard import quiet_stdout
from ganbench.registry.hookspecs import PROJECT
from ganbench.registry.kinds import KINDS
from ganbench.registry.plugin_files import PluginFile, plugin_files
from ganbench.registry.specs import NAME, kebab

HOME_DISTRIBUTION = "ganbench"
EntryPoint: TypeAlias = importlib.metadata.EntryPoint | PluginFile


class PluginState(enum.StrEnum):
    """The state of an entry point after loading.

    ``conflict``: another plugin claims some of its names. ``broken``: some of its components cannot
    be used. The rest of the plugin works in both cases.
    """

    OK = "ok"
    BLOCKED = "blocked"
    FAILED = "failed"
    CONFLICT = "conflict"
    BROKEN = "broken"


#: States that a person should look into, in words.
TROUBLE = {
    PluginState.FAILED: "failed to load",
    PluginState.CONFLICT: "is in conflict",
    PluginState.BROKEN: "is broken",
}


class Fault(NamedTuple):
    """One error of a plugin.

    :ivar place: ``my_loss.py:7``; empty if no line is at fault.
    """

    text: str
    place: str = ""


@dataclass
class PluginRecord:
    """One entry point: where it comes from, its state and what it provides.

    :ivar error: all faults in one sentence.
    :ivar faults: each error, with its place in the plugin's files.
    :ivar warnings: what its author may have declared by mistake.
    :ivar cause: the exception behind ``error``, with its traceback.
    :ivar sha256: of a plugin that is a file without a distribution; its path is ``value``.
    """

    name: str
    distribution: str
    version: str
    value: str
    state: PluginState = PluginState.OK
    error: str = ""
    load_ms: float = 0.0
    hooks: list[str] = field(default_factory=list)
    provides: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    cause: BaseException | None = field(default=None, repr=False, compare=False)
    sha256: str = ""
    faults: list[Fault] = field(default_factory=list, compare=False)

    def note_fault(self, state: PluginState, text: str, place: str = "") -> None:
        """One more error, and the state that follows from it."""
        self.state = state
        self.faults.append(Fault(text, place))
        self.error = "; ".join(fault.text for fault in self.faults)

    @property
    def module(self) -> str:
        """The module that the entry point names; that of a file has the entry point's name."""
        return self.name if self.sha256 else self.value.partition(":")[0].strip()

    @property
    def builtin(self) -> bool:
        """Whether ganbench itself ships the plugin."""
        return canonical(self.distribution) == HOME_DISTRIBUTION

    @property
    def label(self) -> str:
        """``distribution:name``, which is unique."""
        return f"{self.distribution}:{self.name}"


@dataclass(frozen=True)
class Registration:
    """One call of ``register``: a name, its target, and the plugin that called.

    :ivar source: the digest of the target's code, where no file defines it.
    :ivar aliases: other words that people say for the component.
    """

    kind: str
    name: str
    target: type[Any] | str
    summary: str
    plugin: PluginRecord
    source: str = ""
    aliases: tuple[str, ...] = ()


def load_plugins(
    entry_points: Iterable[EntryPoint] | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[list[PluginRecord], list[Registration]]:
    """Load every allowed plugin and collect what it registers.

    ``GANBENCH_PLUGINS`` (a comma-separated list of plugin or distribution names) allows only those
    beside the built-in ones and the files of ``GANBENCH_PLUGINS_PATH``, and
    ``GANBENCH_DISABLE_PLUGINS`` blocks.
    """
    environ = os.environ if environ is None else environ
    if entry_points is None:
        entry_points = [*installed_entry_points(), *plugin_files(environ)]
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    policy = Policy.from_environment(environ)
    records, registrations = [], []
    for entry_point, record in _in_order(entry_points):
        records.append(record)
        if policy.blocks(record):
            record.state = PluginState.BLOCKED
            continue
        registrations += _load_one(manager, entry_point, record)
    return records, registrations


def _in_order(
    entry_points: Iterable[EntryPoint],
) -> list[tuple[EntryPoint, PluginRecord]]:
    pairs = []
    for entry_point in entry_points:
        dist = entry_point.dist
        # A distribution whose metadata is damaged may lack either.
        name = getattr(dist, "name", None) or "unknown"
        version = getattr(dist, "version", None) or "unknown"
        record = PluginRecord(entry_point.name, name, version, entry_point.value)
        if isinstance(entry_point, PluginFile):
            record.sha256 = entry_point.digest
        pairs.append((entry_point, record))
    # The order of installation must not matter, so the order is by name, our own plugins first.
    return sorted(pairs, key=lambda p: (not p[1].builtin, canonical(p[1].distribution), p[1].name))


@dataclass(frozen=True)
class Policy:
    """Which plugins may load."""

    allowed: frozenset[str] | None
    denied: frozenset[str]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Policy:
        """What the ``GANBENCH_…PLUGINS`` variables ask for."""
        allowed = environ.get("GANBENCH_PLUGINS")
        return cls(
            None if allowed is None else _names(allowed),
            _names(environ.get("GANBENCH_DISABLE_PLUGINS", "")),
        )

    def blocks(self, record: PluginRecord) -> bool:
        """Whether the plugin must not load."""
        names = self.names_of(record)
        if names & self.denied:
            return True
        always = record.builtin or record.sha256  # a file is there because somebody named it
        return self.allowed is not None and not always and not names & self.allowed

    def unmatched(self, records: Iterable[PluginRecord]) -> list[str]:
        """Names in the variables that fit no plugin: most likely misspelled."""
        known = frozenset({HOME_DISTRIBUTION}).union(*map(self.names_of, records))
        return sorted((self.denied | (self.allowed or frozenset())) - known)

    @staticmethod
    def names_of(record: PluginRecord) -> frozenset[str]:
        """The names by which the variables may mean this plugin."""
        names = {canonical(record.name), canonical(record.label)}
        if not record.builtin:  # without all of `ganbench`, nothing would be left
            names.add(canonical(record.distribution))
        return frozenset(names)


def _names(listed: str) -> frozenset[str]:
    return frozenset(canonical(name.strip()) for name in listed.split(",") if name.strip())


def _load_one(
    manager: pluggy.PluginManager,
    entry_point: EntryPoint,
    record: PluginRecord,
) -> list[Registration]:
    """Load one plugin into a staging list, which stays empty on any failure."""
    start = time.perf_counter()
    staged: list[Registration] = []
    try:
        with quiet_stdout():
            plugin = read_value(entry_point)
            other = manager.get_name(plugin)
            if record.sha256 and other is not None:
                record.note_fault(PluginState.BLOCKED, f"it is installed as {other}")
                return []
            _announce(manager, plugin, record)
            _collect(manager, plugin, record, staged)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a plugin must not end its host
        record.note_fault(PluginState.FAILED, one_line(error), place_of_error(error, record.module))
        record.cause = error
        if manager.has_plugin(record.label):
            manager.unregister(name=record.label)
        staged = []
    record.load_ms = (time.perf_counter() - start) * 1000
    record.provides = [f"{item.kind}:{item.name}" for item in staged]
    return staged


def _announce(manager: pluggy.PluginManager, plugin: Any, record: PluginRecord) -> None:
    """Register the plugin with pluggy, which checks hook arguments, and check what pluggy does not."""
    other = manager.get_name(plugin)
    if other is not None:
        raise ValueError(f"{record.value!r} is announced by the plugin {other} already")
    manager.register(plugin, name=record.label)
    known = [kind.hook for kind in KINDS.values()]
    callers = manager.get_hookcallers(plugin) or []
    for caller in callers:
        if not caller.has_spec():
            problem = f"unknown hook {caller.name!r}{did_you_mean(caller.name, known)}"
            raise HookError(problem, getattr(plugin, caller.name, None))
    for name in dir(plugin):
        # pluggy silently skips a hook without its marker.
        function = getattr(plugin, name, None) if name.startswith(f"{PROJECT}_") else None
        if inspect.isroutine(function) and not hasattr(function, f"{PROJECT}_impl"):
            raise HookError(f"{name} is not marked with @hookimpl", function)
    if not callers:
        hint = _missing_hook(plugin)
        raise ValueError(
            f"it implements no hook of ganbench {hint or '({})'.format(', '.join(known))}"
        )
    record.hooks = sorted(caller.name for caller in callers)


def _missing_hook(plugin: Any) -> str:
    """The hook that would register a component class of a module; empty if it has none."""
    contracts = {kind.contract: kind for kind in KINDS.values()}
    for cls in vars(plugin).values() if isinstance(plugin, ModuleType) else ():
        if inspect.isclass(cls) and cls.__module__ == plugin.__name__:
            bases = (f"{base.__module__}:{base.__qualname__}" for base in cls.__mro__)
            kind = next((contracts[base] for base in bases if base in contracts), None)
            if kind is not None:
                call = f'register("{kebab(cls.__name__)}", {cls.__name__})'
                return (
                    f"for its class {cls.__name__}: add @hookimpl def {kind.hook}(register): {call}"
                )
    return ""


def _collect(
    manager: pluggy.PluginManager, plugin: Any, record: PluginRecord, staged: list[Registration]
) -> None:
    others = [other for other in manager.get_plugins() if other is not plugin]
    for kind in KINDS.values():
        if kind.hook in record.hooks:
            contribute = manager.subset_hook_caller(kind.hook, others)
            if contribute(register=functools.partial(register, staged, record, kind.name)):
                problem = f"{kind.hook} returned a value; it must call register instead"
                raise HookError(problem, getattr(plugin, kind.hook))


def register(
    staged: list[Registration],
    record: PluginRecord,
    kind: str,
    name: str,
    target: type[Any] | str,
    *,
    summary: str = "",
    aliases: tuple[str, ...] = (),
) -> None:
    """What a plugin gets as `hookspecs.Register`, which has the other arguments."""
    if not isinstance(name, str) or not NAME.match(name):
        raise ValueError(
            f"bad {kind} name {name!r}: a name has lower-case letters, digits and hyphens, "
            "and begins with a letter"
        )
    if any((kind, name) == (other.kind, other.name) for other in staged):
        raise ValueError(f"{kind} {name!r} is registered twice")
    if not isinstance(summary, str):
        raise ValueError(f"{kind} {name!r}: the summary must be text, not {summary!r}")
    if isinstance(aliases, str) or not all(isinstance(word, str) for word in aliases):
        raise ValueError(f"{kind} {name!r}: aliases must be a tuple of words, not {aliases!r}")
    if isinstance(target, str):
        module, colon, attribute = target.partition(":")
        if not (colon and module and attribute):
            raise ValueError(f"{kind} {name!r}: target {target!r} is not 'package.module:Class'")
    elif not inspect.isclass(target):
        what = "a module" if isinstance(target, ModuleType) else repr(target)
        wanted = "a class or 'package.module:Class'"
        raise ValueError(f"{kind} {name!r}: target must be {wanted}, not {what}")
    text = " ".join(summary.split()) or _first_paragraph(target)
    staged.append(Registration(kind, name, target, text, record, aliases=tuple(aliases)))


def _first_paragraph(target: type[Any] | str) -> str:
    doc = "" if isinstance(target, str) else (target.__dict__.get("__doc__") or "")
    paragraph, _, _ = inspect.cleandoc(str(doc)).partition("\n\n")
    return " ".join(paragraph.split())
