"""What trials ran with, where it differs: versions, code, devices and settings."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from ganbench.analysis.frame_tools import text_of
from ganbench.base.text import counted, plain
from ganbench.registry.sources import UNKNOWN, edition
from ganbench.store.schema import mapping

_COLUMNS = {"ganbench_version": "ganbench", "torch_version": "torch"}
_NAMED = 3
_DIGITS = 8


def provenance_notes(results: pd.DataFrame) -> list[str]:
    """The sentences of `version_notes` and `code_notes`."""
    return [*version_notes(results), *code_notes(results)]


def version_notes(results: pd.DataFrame) -> list[str]:
    """A sentence for each distribution that the trials have in several versions.

    :param results: one row per trial.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    components: dict[str, set[str]] = defaultdict(set)
    for versions, sources in _provenance(results):
        for distribution, version in versions.items():
            counts[distribution][version] += 1
        for name, distribution, _ in sources:
            components[distribution].add(name)
    return [
        f"Trials ran with several versions of {_named(distribution, components[distribution])}: "
        f"{_counted(own)}"
        for distribution, own in sorted(counts.items())
        if len(own) > 1
    ]


def code_notes(results: pd.DataFrame) -> list[str]:
    """A sentence for each component that was edited while its version stayed."""
    codes: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for versions, sources in _provenance(results):
        for name, distribution, digest in sources:
            if digest != UNKNOWN:
                provider = f"{distribution} {versions.get(distribution, '')}".strip()
                codes[name, provider, edition(digest)][digest[:_DIGITS]] += 1
    return [
        f"{plain(name)} of {plain(provider)} was edited between trials: code {_counted(counts)}"
        for (name, provider, _), counts in sorted(codes.items())
        if len(counts) > 1
    ]


def _provenance(
    results: pd.DataFrame,
) -> Iterator[tuple[dict[str, str], list[tuple[str, str, str]]]]:
    """For each trained trial distribution -> version, and its components.

    A component has a name, a distribution and the digest of its code.
    """
    wanted = ["status", "providers", "sources", *_COLUMNS]
    there = results[[name for name in wanted if name in results.columns]]
    for row in there.to_dict("records"):
        if row["status"] == "skipped":
            continue
        parts = (part.partition("==") for part in text_of(row.get("providers")).split())
        versions = {distribution: version for distribution, _, version in parts}
        versions |= {
            name: v for column, name in _COLUMNS.items() if (v := text_of(row.get(column)))
        }
        sources = []
        for component, digest in mapping(row.get("sources")).items():
            name, _, distribution = component.rpartition(" of ")
            sources.append((name, distribution, str(digest)))
        yield versions, sources


def _named(distribution: str, components: set[str]) -> str:
    names = ", ".join(map(plain, sorted(components)))
    return (
        f"{plain(distribution)} ({names})" if 0 < len(components) <= _NAMED else plain(distribution)
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{plain(value)} in {counted(count, 'trial')}" for value, count in sorted(counts.items())
    )


_NOTED = {
    "ganbench_version": "ganbench",
    "torch_version": "torch",
    "providers": "plugins",
    "task": "task",
    "device": "device",
}


def side_differences(sides: Sequence[pd.DataFrame], brought: set[str]) -> list[str]:
    """Notes on versions, plugins, tasks, devices and settings that differ.

    :param sides: the trials of A and of B.
    :param brought: settings that come with the components.
    """
    found = [
        _against(word, [sorted(set(map(plain, side[name].dropna()))) for side in sides])
        for name, word in _NOTED.items()
        if all(name in side.columns for side in sides)
    ]
    settings = [_settings(side) for side in sides]
    found += [
        _against(plain(name), [known.get(name, []) for known in settings])
        for name in sorted(brought)
    ]
    versions = [sentence for side in sides for sentence in version_notes(side)]
    code = code_notes(pd.concat(list(sides)))
    return [*filter(None, found), *dict.fromkeys(versions), *code]


def _against(word: str, sides: Sequence[list[str]]) -> str:
    """``device: cpu against cuda``; empty where both sides are equal."""
    if sides[0] == sides[1]:
        return ""
    return f"{word}: " + " against ".join(", ".join(side[:4]) or "unknown" for side in sides)


def _settings(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Setting -> the values of all trials, as text."""
    found: dict[str, set[str]] = {}
    for text in frame["settings"].dropna().unique() if "settings" in frame.columns else ():
        for name, value in mapping(text).items():
            found.setdefault(name, set()).add(plain(json.dumps(value)))
    return {name: sorted(values) for name, values in found.items()}
