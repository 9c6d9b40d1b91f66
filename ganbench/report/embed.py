"""Texts and values for the page's scripts and figures, escaped so that nothing becomes markup."""

from __future__ import annotations

import json
from typing import Any

from ganbench.base.files import encode
from ganbench.base.text import plain

#: What could end a script, and what would turn the text of its source around.
_RISKY = {
    code: f"\\u{code:04x}"
    for code in (*map(ord, "<>&\u2028\u2029"), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
#: A ``$`` would open a formula.
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"})


def script_json(value: Any) -> str:
    """JSON for a ``script`` element; a number that is not finite becomes a word, see `encode`."""
    text = json.dumps(encode(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode().translate(_RISKY)  # surrogates become "?"


def label(text: object, longest: int = 0) -> str:
    """Text escaped for Plotly, which reads ``<b>`` and ``<a href>`` as markup.

    :param longest: in characters; a longer text loses its middle. 0 for any length.
    """
    shown = plain(text)
    return (shortened(shown, longest) if longest else shown).translate(_ENTITIES)


def shortened(text: str, longest: int) -> str:
    """The text, without its middle if it is longer."""
    tail = (longest - 1) // 3
    too_long = len(text) > longest
    return f"{text[: longest - 1 - tail]}…{text[len(text) - tail :]}" if too_long else text


def labels(*lines: object) -> str:
    """Several lines for a hover box; a long line is broken."""
    return "<br>".join(_folded(plain(line)) for line in lines if line not in (None, ""))


def _folded(text: str, width: int = 72) -> str:
    parts = [text[at : at + width] for at in range(0, min(len(text), 6 * width), width)]
    return "<br>".join(part.translate(_ENTITIES) for part in parts)
