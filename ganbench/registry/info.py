"""One component: what is known of it, and what a spec makes of it."""

from __future__ import annotations

import enum
import functools
import inspect
import math
from dataclasses import dataclass
from typing import Any

from ganbench.errors import BrokenComponentError
from ganbench.registry import options
from ganbench.registry.declarations import declaration_problem, declaration_warning
from ganbench.registry.guard import import_target, one_line
from ganbench.registry.kinds import kind_of
from ganbench.registry.plugins import Registration
from ganbench.registry.sources import changed_sources, source_digest


class ComponentInfo:
    """What is known of a registered component; its class is imported only when that is needed.

    :ivar kind: ``"architecture"``, ``"loss"``, …
    :ivar name: the name that specs use, qualified (``dist:name``) where the bare one is not its own.
    :ivar bare_name: the name that the plugin registered, whoever else claims it.
    :ivar provider: the distribution that provides it.
    :ivar version: that distribution's version.
    :ivar plugin: the name of the entry point.
    :ivar summary: one line.
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

    def __repr__(self) -> str:
        return f"ComponentInfo({self.kind} {self.name!r} from {self.provider} {self.version})"

    @property
    def cls(self) -> type[Any]:
        """The component class.

        :raises BrokenComponentError: if it cannot be imported or is not of its kind.
        """
        cls, error = self._resolved
        if cls is None:
            assert error is not None
            raise error
        return cls

    @property
    def owned(self) -> str:
        """Kind, name and distribution: the component in a sentence, and among a trial's sources."""
        return f"{self.kind} {self.bare_name} of {self.provider}"

    @functools.cached_property
    def source(self) -> str:
        """The digest of the files that define the component, as they were when first asked for."""
        return source_digest(self.cls, self.provider)

    @property
    def edited(self) -> bool:
        """Whether these files have changed since, so that this process and others differ."""
        if "source" not in vars(self):  # this is the first time
            return False
        now = source_digest(self.cls, self.provider)
        return bool(changed_sources({"": self.source}, {"": now}))

    @property
    def error(self) -> str | None:
        """Why the component cannot be used, or None."""
        error = self._resolved[1]
        return None if error is None else str(error)

    @property
    def warning(self) -> str | None:
        """What the component's author may have meant otherwise, or None."""
        if self.error is not None:
            return None
        found = declaration_warning(self.cls, kind_of(self.kind).constants)
        who = f"{self.kind} {self.name!r} of {self.provider} {self.version}"
        return None if found is None else f"{who}: {found}"

    @property
    def imported(self) -> bool:
        """Whether the plugin gave the class itself, so that looking at it imports nothing."""
        return not isinstance(self._registration.target, str)

    @property
    def options(self) -> dict[str, options.OptionInfo]:
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

    @functools.cached_property
    def _resolved(self) -> tuple[type[Any] | None, BrokenComponentError | None]:
        target, kind = self._registration.target, kind_of(self.kind)
        where = f"{self.kind} {self.name!r} of {self.provider} {self.version}"
        try:
            cls = import_target(target) if isinstance(target, str) else target
        except KeyboardInterrupt:
            raise
        except BaseException as cause:  # SystemExit too: a plugin must not end its host
            reason = f"cannot be imported from {target!r}: {one_line(cause)}"
            return None, _broken(where, reason, cause)
        base = import_target(kind.contract)
        if not (inspect.isclass(cls) and issubclass(cls, base)):
            return None, _broken(where, f"does not derive from ganbench.{base.__name__}")
        if inspect.isabstract(cls):
            missing = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
            return None, _broken(where, f"is not complete, it does not define {missing}")
        try:
            problem = declaration_problem(cls)
        except Exception as cause:
            return None, _broken(where, f"has options of unknown type: {one_line(cause)}", cause)
        if problem is not None:
            return None, _broken(where, f"is declared wrongly: {problem}")
        return cls, None


@dataclass(frozen=True, eq=False)  # a component with a list among its options has no hash
class Bound:
    """A component made from a spec, with the name and provider under which it was found."""

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

    def replaced(self, component: Any) -> Bound:
        """The same name for a component with other options."""
        return Bound(self.info, component)

    def identity(self) -> dict[str, Any]:
        """Everything that makes this component what it is, for hashing and for the record.

        It stays as it is when another distribution claims the same name.
        """
        values = options.all_options(self.component)
        return {
            "name": self.info.bare_name,
            "provider": self.info.provider,
            "version": self.info.version,
            "options": {key: plain(value) for key, value in values.items()},
        }


def plain(value: Any) -> Any:
    """An option's value in JSON's types."""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else float.__repr__(value)
    return str(value)


def _broken(where: str, reason: str, cause: BaseException | None = None) -> BrokenComponentError:
    error = BrokenComponentError(f"{where} {reason}")
    error.__cause__ = cause
    return error
