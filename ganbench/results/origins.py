"""Which versions and which code the trials of a table are of, where they are not all of one."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ganbench.registry.sources import UNKNOWN
from ganbench.results.formatting import plain

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = {"ganbench_version": "ganbench", "torch_version": "torch"}
_UNTRAINED = ("skipped",)
_NAMED = 3
_DIGITS = 8


def origin_captions(results: pd.DataFrame) -> list[str]:
    """What `version_captions` and `code_captions` say."""
    return [*version_captions(results), *code_captions(results)]


def version_captions(results: pd.DataFrame) -> list[str]:
    """A sentence for each distribution that the trials have in several versions.

    :param results: one row per trial; a column that is not there says nothing.
    """
    versions: dict[str, Counter[str]] = defaultdict(Counter)
    components: dict[str, set[str]] = defaultdict(set)
    for row in _trained(results):
        for distribution, version in dict(_provided(row)).items():
            versions[distribution][version] += 1
        for name, distribution, _ in _sources(row):
            components[distribution].add(name)
    return [
        f"Trials are of several versions of {_named(distribution, components[distribution])}: "
        f"{_counted(counts)}"
        for distribution, counts in sorted(versions.items())
        if len(counts) > 1
    ]


def code_captions(results: pd.DataFrame) -> list[str]:
    """A sentence for each component that was edited while its version stayed."""
    codes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in _trained(results):
        versions = dict(_provided(row))
        for name, distribution, digest in _sources(row):
            if digest != UNKNOWN:
                provider = f"{distribution} {versions.get(distribution, '')}".strip()
                codes[name, provider][digest[:_DIGITS]] += 1
    return [
        f"{plain(name)} of {plain(provider)} was edited between trials: code {_counted(counts)}"
        for (name, provider), counts in sorted(codes.items())
        if len(counts) > 1
    ]


def _trained(results: pd.DataFrame) -> Iterator[Mapping[str, Any]]:
    wanted = ["status", "providers", "sources", *_COLUMNS]
    there = results[[name for name in wanted if name in results.columns]]
    for row in there.to_dict("records"):
        if row.get("status") not in _UNTRAINED:
            yield {str(name): value for name, value in row.items() if isinstance(value, str)}


def _provided(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for part in row.get("providers", "").split():
        distribution, _, version = part.partition("==")
        yield distribution, version
    for column, distribution in _COLUMNS.items():
        if row.get(column):
            yield distribution, row[column]


def _sources(row: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Component, distribution and digest."""
    try:
        found = json.loads(row.get("sources", "{}"))
    except ValueError:
        return
    for component, digest in found.items() if isinstance(found, dict) else ():
        name, _, distribution = str(component).rpartition(" of ")
        yield name, distribution, str(digest)


def _named(distribution: str, components: set[str]) -> str:
    names = ", ".join(map(plain, sorted(components)))
    return (
        f"{plain(distribution)} ({names})" if 0 < len(components) <= _NAMED else plain(distribution)
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{plain(value)} in {count} trial{'s' if count > 1 else ''}"
        for value, count in sorted(counts.items())
    )
