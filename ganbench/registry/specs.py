"""The spec grammar: how users name a component with options.

    spec    = [distribution ":"] name ["[" option {"," option} "]"]
    option  = key "=" value
    value   = true | false | none | integer | float | quoted | "[" values "]" | bare text
    quoted  = text between double quotes, with JSON's escapes, or between single quotes, as it is

Bare text ends at a comma or a closing bracket at its own depth, so a value may itself be a spec:
``colorization[of=cifar10[size=32]]``. A single quote quotes only at the start of a value, so that
``path=/home/o'neill`` needs no quotes. ganbench writes double quotes.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ganbench.base.errors import UsageError

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PROVIDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_INTEGER = re.compile(r"[+-]?[0-9](_?[0-9])*\Z", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?(([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][+-]?[0-9]+)?|inf)\Z", re.ASCII
)
_WORDS = {"true": True, "false": False, "none": None}
_OPENING, _CLOSING = "[", "]"
_BEFORE_VALUES = ("", "=", ",", _OPENING)
_MOST_DIGITS = 300  # beyond any option's use, and within what int() reads


@dataclass(frozen=True)
class Spec:
    """A parsed spec.

    :ivar options: the written options, as values.
    :ivar texts: the same options as text, for options that take text: ``tag=1e3`` is not 1000.0.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    provider: str | None = None
    texts: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __str__(self) -> str:
        qualified = f"{self.provider}:{self.name}" if self.provider else self.name
        return format_spec(qualified, self.options)


def parse_spec(text: str) -> Spec:
    """Parse ``[dist:]name[key=value,…]``; raises UsageError that says what is wrong and where."""
    if not isinstance(text, str):
        raise UsageError(f"a spec is text such as 'name[key=value]', not {text!r}")
    text = text.strip()
    if not text:
        raise UsageError("a spec is empty; name a component, see `ganbench list`")
    head, bracket, rest = text.partition(_OPENING)
    provider, colon, name = head.strip().rpartition(":")
    if colon and not _PROVIDER.match(provider):
        raise UsageError(f"bad spec {text!r}: {provider!r} is not a distribution name")
    if not NAME.match(name):
        raise UsageError(
            f"bad spec {text!r}: expected name or name[key=value,…], "
            f"with a name of lower-case letters, digits and hyphens, not {name!r}"
        )
    written: dict[str, str] = {}
    if bracket:
        if not rest.endswith(_CLOSING):
            raise UsageError(
                f"bad spec {text!r}: the bracket after {name!r} is not closed at the end"
            )
        written = _split_options(rest[:-1], text)
    return Spec(
        name,
        {key: parse_value(value) for key, value in written.items()},
        provider or None,
        {key: _parse(value, str) for key, value in written.items()},  # numbers stay text
    )


def format_spec(name: str, options: Mapping[str, Any]) -> str:
    """The canonical text of a spec, which parses to the same options in the same order."""
    return join_spec(name, {key: format_value(value) for key, value in options.items()})


def join_spec(name: str, texts: Mapping[str, str]) -> str:
    """A spec whose options are text already."""
    if not texts:
        return name
    return f"{name}[{','.join(f'{key}={text}' for key, text in texts.items())}]"


def is_literal(text: str) -> bool:
    """Whether bare text means a value and not itself, as ``none`` and ``12`` do."""
    return not isinstance(_literal(text), str)


def parse_value(text: str) -> Any:
    """The value that a text means (see the module's grammar)."""
    return _parse(text, _literal)


def format_value(value: Any) -> str:
    """Text that `parse_value` turns back into ``value``."""
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(format_value(item) for item in value) + "]"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    text = str(value)
    return text if _survives_bare(text) else json.dumps(text, ensure_ascii=not text.isprintable())


def kebab(name: str) -> str:
    """The name that a component would have by its class's: ``SoftHinge`` is ``soft-hinge``."""
    words = re.split(r"[^a-z0-9]+", _CAPITAL.sub("-", name).lower())
    text = "-".join(word for word in words if word).lstrip("0123456789-")
    return text or "component"


def split_top_level(body: str, whole: str) -> list[str]:
    """As `split_outside` at commas, and no part may be empty."""
    parts = split_outside(body, ",", whole)
    if len(parts) == 1 and not body.strip():
        return []
    if not all(part.strip() for part in parts):
        raise UsageError(f"bad spec {whole!r}: an option is missing beside a comma")
    return parts


def split_outside(body: str, separator: str, whole: str) -> list[str]:
    """Split at the separators outside brackets and quotes; ``whole`` is for the message."""
    parts, depth, start = [], 0, 0
    for position, char in _unquoted(body, whole):
        if char in (_OPENING, _CLOSING):
            depth += 1 if char == _OPENING else -1
            if depth < 0:
                raise UsageError(f"bad spec {whole!r}: it has a closing bracket too many")
        elif char == separator and depth == 0:
            parts.append(body[start:position])
            start = position + 1
    if depth:
        raise UsageError(f"bad spec {whole!r}: a bracket is not closed")
    return [*parts, body[start:]]


def _unquoted(body: str, whole: str) -> Iterator[tuple[int, str]]:
    """The characters outside quotes, each with its position."""
    quote, escaped, before = "", False, ""
    for position, char in enumerate(body):
        if quote:
            if char == quote and not escaped:
                quote, before = "", char
            escaped = quote == '"' and char == "\\" and not escaped
        elif char == '"' or (char == "'" and before in _BEFORE_VALUES):
            quote = char
        else:
            before = before if char.isspace() else char
            yield position, char
    if quote:
        raise UsageError(f"bad spec {whole!r}: a quote is not closed")


def _parse(text: str, leaf: Any) -> Any:
    text = text.strip()
    if text[:1] == '"':
        return _double_quoted(text)
    if text[:1] == "'":
        return _single_quoted(text)
    if text[:1] == _OPENING and text[-1:] == _CLOSING:
        return tuple(_parse(part, leaf) for part in split_top_level(text[1:-1], text))
    return leaf(text)


def _double_quoted(text: str) -> str:
    try:
        value: str = json.loads(text)
    except json.JSONDecodeError as error:
        if "escape" in error.msg:
            raise UsageError(
                f"bad quoted text {text}: in double quotes a backslash begins an escape such as \\n; "
                "write two backslashes, write /, or use single quotes, which keep backslashes"
            ) from None
        raise UsageError(f"bad quoted text {text}: {error}") from None
    return value


def _single_quoted(text: str) -> str:
    """The text between single quotes, without escapes."""
    if text.find("'", 1) != len(text) - 1 or len(text) < 2:
        raise UsageError(
            f"bad quoted text {text}: it ends at the next single quote, and nothing may follow; use "
            "double quotes for a text that contains a single quote"
        )
    return text[1:-1]


def _literal(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.match(text) and len(text) <= _MOST_DIGITS:
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return text


def _split_options(body: str, whole: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in split_top_level(body, whole):
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or not _KEY.match(key):
            raise UsageError(f"bad spec {whole!r}: {part.strip()!r} is not key=value")
        if key in options:
            raise UsageError(f"bad spec {whole!r}: option {key!r} is given twice")
        options[key] = value
    return options


def _survives_bare(text: str) -> bool:
    if not text or text != text.strip() or text[0] in "\"'[" or not text.isprintable():
        return False
    try:
        parts = split_top_level(text, text)
    except UsageError:
        return False
    return parts == [text] and not is_literal(text)


def split_combined(specs: str) -> list[str]:
    """Split ``r1[gamma=1]+r2`` at the plus signs outside brackets."""
    try:
        parts = split_outside(specs, "+", specs)
    except UsageError:  # parsing will say what is wrong
        return [specs]
    if len(parts) > 1 and not all(part.strip() for part in parts):
        raise UsageError(f"bad spec {specs!r}: a component is missing beside a plus sign")
    return parts
