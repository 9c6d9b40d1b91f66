"""attempts.jsonl: a line for every start and every end of an attempt at a trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganbench.results.files import decode, dump_json, load_json


def dump_attempt(record: Mapping[str, Any]) -> str:
    """One record as a line, without its end."""
    return dump_json(record, indent=None)


def load_attempts(text: bytes) -> tuple[list[dict[str, Any]], list[int]]:
    """The records, and the numbers of the lines that are none; ``attempt`` is a whole number.

    A last line without its end was cut short by a crash: it is left out without being counted.
    """
    records, damaged = [], []
    lines = text.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            record = decode(load_json(line))
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict) and type(record.get("attempt", 0)) is int:
            records.append(record)
        elif number < len(lines):
            damaged.append(number)
    return records, damaged
