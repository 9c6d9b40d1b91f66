"""One component: what its registration says, and the component that a spec makes."""

from __future__ import annotations

import enum
import functools
import inspect
import math
import pkgutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganbench.base.errors import BrokenComponentError, one_line
from ganbench.registry import options
from ganbench.registry.declarations import declaration_problem, declaration_warning
from ganbench.registry.fault_place import place_of
from ganbench.registry.guard import quiet_stdout
from ganbench.registry.kinds import kind_of
from ganbench.registry.option_info import OptionInfo
from ganbench.registry.plugins import Registration
from ganbench.registry.sources import changed_sources, source_digest


class ComponentInfo:
    """A registered component; its class is imported only when somebody needs it.

    :ivar kind: ``"architecture"``, ``"loss"``, …
    :ivar name: the name that specs use; qualified (``dist:name``) if another distribution has the
        bare one.
    :ivar bare_name: the name that the plugin registered.
    :ivar provider: the distribution that provides it.
    :ivar version: that distribution's version.
    :ivar plugin: the name of the entry point.
    :ivar summary: one line.
    :ivar aliases: other words that people say for it; specs do not accept them.
    """

    def __init__(self, registration: Registration, name: str) -> None:
        self._registration = registration
        self.kind = registration.kind
        self.name = name
        self.bare_name = registration.name
        self.provider = registration.plugin.distribution
        self.version = registration.plugin.version
        self.plugin = registration.plugin.name
        self.summary = registration.summary
        self.aliases = registration.aliases

    def __repr__(self) -> str:
        return f"ComponentInfo({self.kind} {self.name!r} from {self.provider} {self.version})"

    @property
    def cls(self) -> type[Any]:
        """The component class.

        :raises BrokenComponentError: if it cannot be imported or is not of its kind.
        """
        if isinstance(self._resolved, BrokenComponentError):
            raise self._resolved
        return self._resolved

    @property
    def owned(self) -> str:
        """Kind, name and distribution: for sentences, and as the key of a trial's sources."""
        return f"{self.kind} {self.bare_name} of {self.provider}"

    @functools.cached_property
    def source(self) -> str:
        """The digest of the files that define the component, read once."""
        return self._registration.source or source_digest(self.cls, self.provider)

    @property
    def edited(self) -> bool:
        """Whether these files have changed since `source` read them: processes then differ."""
        if "source" not in vars(self):  # this is the first time
            return False
        now = source_digest(self.cls, self.provider)
        return bool(changed_sources({"": self.source}, {"": now}))

    @property
    def error(self) -> str | None:
        """Why the component cannot be used, or None."""
        return str(self._resolved) if isinstance(self._resolved, BrokenComponentError) else None

    @property
    def place(self) -> str:
        """Where its class stands, ``my_loss.py:7``; empty for a lazy target."""
        target = self._registration.target
        return "" if isinstance(target, str) else place_of(target)

    @property
    def warning(self) -> str | None:
        """What the component's author may have declared by mistake, or None."""
        if self.error is not None:
            return None
        found = declaration_warning(self.cls, kind_of(self.kind).constants)
        return None if found is None else f"{self._full_name}: {found}"

    @property
    def builtin(self) -> bool:
        """Whether ganbench itself ships it."""
        return self._registration.plugin.builtin

    @property
    def imported(self) -> bool:
        """Whether the plugin registered the class itself, so that reading it imports nothing."""
        return not isinstance(self._registration.target, str)

    def is_of(self, cls: type[Any]) -> bool:
        """Whether the component's class is this one; it imports nothing."""
        target = self._registration.target
        if not isinstance(target, str):
            return target is cls
        module, _, name = target.partition(":")
        return getattr(sys.modules.get(module), name, None) is cls

    @property
    def options(self) -> dict[str, OptionInfo]:
        """The options, by name; empty for a broken component."""
        return {} if self.error else options.describe_options(self.cls)

    @property
    def task(self) -> str | None:
        """The task of an architecture with its default options; None for other kinds."""
        task = None if self.error else getattr(self.cls, "task", None)
        return getattr(self.cls(), "task", None) if isinstance(task, property) else task

    @property
    def paper(self) -> str:
        """The publication that the component follows."""
        return "" if self.error else str(getattr(self.cls, "paper", ""))

    @property
    def _full_name(self) -> str:
        return f"{self.kind} {self.name!r} of {self.provider} {self.version}"

    @functools.cached_property
    def _resolved(self) -> type[Any] | BrokenComponentError:
        try:
            return self._checked_class()
        except BrokenComponentError as error:
            return error

    def _checked_class(self) -> type[Any]:
        target = self._registration.target
        try:
            with quiet_stdout():
                cls = pkgutil.resolve_name(target) if isinstance(target, str) else target
        except KeyboardInterrupt:
            raise
        except BaseException as cause:  # SystemExit too: a plugin must not end its host
            reason = f"cannot be imported from {target!r}: {one_line(cause)}"
            raise BrokenComponentError(f"{self._full_name} {reason}") from cause
        base = pkgutil.resolve_name(kind_of(self.kind).contract)
        if not (inspect.isclass(cls) and issubclass(cls, base)):
            reason = f"does not derive from ganbench.{base.__name__}"
            raise BrokenComponentError(f"{self._full_name} {reason}")
        if inspect.isabstract(cls):
            missing = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
            reason = f"is not complete: it does not define {missing}"
            raise BrokenComponentError(f"{self._full_name} {reason}")
        try:
            problem = declaration_problem(cls)
        except Exception as cause:
            reason = f"has options of unknown type: {one_line(cause)}"
            raise BrokenComponentError(f"{self._full_name} {reason}") from cause
        if problem is not None:
            raise BrokenComponentError(f"{self._full_name} is declared wrongly: {problem}")
        return cls


@dataclass(frozen=True, eq=False)  # a component with a list among its options has no hash
class ResolvedComponent:
    """A component made from a spec, with the registration that the spec named."""

    info: ComponentInfo
    component: Any

    @functools.cached_property
    def spec(self) -> str:
        """The canonical spec: options that differ from their defaults, sorted."""
        return options.canonical_spec(self.info.name, self.component)

    @property
    def mark(self) -> str:
        """Its name in columns, with these options: ``pixels:size=8``."""
        _, _, given = self.spec.removesuffix("]").partition("[")
        return ":".join([self.info.bare_name, *filter(None, given.split(","))])

    def replaced(self, component: Any) -> ResolvedComponent:
        """The same name for a component with other options."""
        return ResolvedComponent(self.info, component)

    def identity(self) -> dict[str, Any]:
        """The component's part of a trial's record: every option with its value, in JSON's types.

        It stays as it is when another distribution claims the same name.
        """
        return self._record(
            options.all_options(self.component),
            version=self.info.version,
            recipe=self.component.recipe,
        )

    def differences(self) -> dict[str, Any]:
        """The part of `identity` that the trial's id hashes: only what is not the default.

        The id so stays the same when the component gets another option or another version.
        """
        recipe = self.component.recipe
        return self._record(
            options.changed_options(self.component), **({} if recipe == 1 else {"recipe": recipe})
        )

    def _record(self, values: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "name": self.info.bare_name,
            "provider": self.info.provider,
            **more,
            "options": {key: json_value(value) for key, value in values.items()},
        }


def json_value(value: Any) -> Any:
    """An option's value in JSON's types."""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else float.__repr__(value)
    return str(value)
