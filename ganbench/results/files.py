"""Files that are whole or absent, and strict JSON that keeps non-finite numbers.

JSON has no NaN and no infinity, so they are written as the texts ``"NaN"``, ``"Infinity"`` and
``"-Infinity"``, which readers turn back into floats; ``null`` means that there is no value. A text
that reads exactly like one of the three cannot be told from a number, unless its column is text.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def write_atomically(path: Path, content: bytes | str) -> None:
    """Replace a file in one step: whoever reads it sees the old content or the new.

    The folder is made if it is missing. After an error the old file is as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def dump_json(value: Any, indent: int | None = 1) -> str:
    """Strict JSON of plain values, numpy scalars and arrays, paths, mappings and sequences.

    :raises TypeError: for anything else.
    """
    text = json.dumps(encode(value), ensure_ascii=False, allow_nan=False, indent=indent)
    return text.encode("utf-8", "replace").decode()  # lone surrogates would not be UTF-8


def load_json(text: str | bytes) -> Any:
    """Parse strict JSON; the three words stay texts, see `decode`. Raises ValueError."""
    decoded = text.decode() if isinstance(text, bytes) else text
    return json.loads(decoded, parse_constant=_no_constant)


def encode(value: Any) -> Any:
    """``value`` in JSON's types, non-finite numbers as words."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else _word(value)
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):  # arrays, tensors and their scalars
        return encode(value.tolist())
    raise TypeError(f"a {type(value).__name__} cannot be stored: {value!r}")


def decode(value: Any) -> Any:
    """Turn the words for non-finite numbers back into floats, at every depth."""
    if isinstance(value, str):
        return _WORDS.get(value, value)
    if isinstance(value, list):
        return [decode(item) for item in value]
    if isinstance(value, dict):
        return {key: decode(item) for key, item in value.items()}
    return value


def _word(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _sync_folder(folder: Path) -> None:
    """Make the renaming survive a power cut, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
