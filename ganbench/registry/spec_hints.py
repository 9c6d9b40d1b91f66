"""What a person may have meant by a text that names no component."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ganbench.base.suggestions import nearest
from ganbench.base.text import with_article
from ganbench.registry.plugin_files import HOOK, VARIABLE
from ganbench.registry.specs import NAME, format_spec, kebab

if TYPE_CHECKING:
    from ganbench.registry.info import ComponentInfo

_OTHER_BRACKETS = re.compile(r"([^\s()\[\]{}]+)\s*[({](.*)[)}]\s*\Z")
_SEPARATORS = re.compile(r"[,;+\s]+")
_MOST = 3


def hint(text: str, known: Mapping[str, ComponentInfo]) -> str:
    """What to write instead, as a suffix such as ``; …``; empty if nothing is likely.

    :param known: the components of the kind, by name.
    """
    return (
        _for_a_missing_key(text, known)
        or _for_other_brackets(text, known)
        or _for_several(text, known)
        or _for_other_letters(text, known)
    )


def for_a_path(kind: str, text: str, known: Mapping[str, ComponentInfo]) -> str:
    """What to write for a path that stands in place of a spec; empty for another text."""
    if not text or "[" in text:
        return ""
    path = Path(text).expanduser()
    if path.suffix == ".py" and path.is_file():
        return f"; to load the components of this file, give --plugin {text} and one of its names"
    if path.exists():
        offers = [format_spec(name, options) for name, options in _reading(path, text, known)]
        if offers:
            return f"; this is a {_what(path)}: write {' or '.join(map(repr, offers[:_MOST]))}"
        found = f"; this is a {_what(path)}, and no {kind} reads it"
        return found if _like_a_path(text) or path.suffix else ""
    if _like_a_path(text):
        return f"; {text} is neither {with_article(kind)} nor a file or folder that exists"
    return ""


def for_a_plugin_file(name: str) -> str:
    """Which file of the current folder names a component in its hooks; empty if none does."""
    quoted = re.compile(rf"""["']{re.escape(name)}["']""".encode())
    for path in sorted(Path().glob("*.py")):
        with contextlib.suppress(OSError):
            content = path.read_bytes()
            if HOOK in content and quoted.search(content):
                return f"; {path} has it: add --plugin {path}, or name it in {VARIABLE}"
    return ""


def _like_a_path(text: str) -> bool:
    return "/" in text or "\\" in text or text.startswith((".", "~"))


def _what(path: Path) -> str:
    return "folder" if path.is_dir() else "file"


def _reading(
    path: Path, text: str, known: Mapping[str, ComponentInfo]
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Each component that reads a path, with the options for it; see `Dataset.options_for`."""
    written = Path(text.rstrip("/") or "/")
    for name, info in known.items():
        if info.error is None and hasattr(info.cls, "options_for"):
            options = info.cls.options_for(path, str(written))
            if options is not None:
                yield name, options


def _for_a_missing_key(text: str, known: Mapping[str, ComponentInfo]) -> str:
    """``folder[photos]``, where the only option that the component needs has no key."""
    name, bracket, value = text.removesuffix("]").partition("[")
    if not bracket or "=" in value or not value or name not in known:
        return ""
    needed = [option.name for option in known[name].options.values() if option.required]
    if len(needed) != 1:
        return f"; each option is key=value, see `ganbench info {name}`"
    return f"; did you mean {f'{name}[{needed[0]}={value}]'!r}?"


def _for_other_brackets(text: str, known: Mapping[str, ComponentInfo]) -> str:
    found = _OTHER_BRACKETS.match(text)
    if found is None or found[1] not in known:
        return ""
    return f"; options stand in square brackets: {f'{found[1]}[{found[2]}]'!r}"


def _for_several(text: str, known: Mapping[str, ComponentInfo]) -> str:
    names = [part for part in _SEPARATORS.split(text) if part]
    if len(names) < 2 or not all(name in known for name in names):
        return ""
    return (
        f"; these are {len(names)} names: give the option once for each, or a list in a grid file"
    )


def _for_other_letters(text: str, known: Mapping[str, ComponentInfo]) -> str:
    head, bracket, rest = text.partition("[")
    if NAME.match(head.rpartition(":")[2].strip()):
        return ""  # the name is well written, so something else is wrong
    said = {name: info.aliases for name, info in known.items()}
    close = nearest(kebab(head), known, said)
    return f"; did you mean {close[0] + bracket + rest!r}?" if close else ""
