"""Sentences that the numbers of a table cannot be read without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganbench.protocol import PROTOCOL
from ganbench.results.comparability import measured_otherwise, told
from ganbench.results.estimates import BETWEEN
from ganbench.results.formatting import plain
from ganbench.results.statistics.intervals import LEAST_SEEDS
from ganbench.results.verdicts import too_few

if TYPE_CHECKING:
    import pandas as pd

#: Up to so many seeds, intervals are called rough.
_FEW = 5


def feature_captions(results: pd.DataFrame) -> list[str]:
    """Which features the Fréchet distances are of, by data set."""
    pairs = results.loc[results["extractor"].notna(), ["dataset", "extractor"]].drop_duplicates()
    by_features: dict[str, list[str]] = {}
    for dataset, extractor in pairs.itertuples(index=False):
        by_features.setdefault(plain(extractor), []).append(plain(dataset))
    return [f"{', '.join(names)}: metrics on {found}" for found, names in by_features.items()]


def measurement_captions(results: pd.DataFrame) -> list[str]:
    """For each data set whose trials were measured in several ways, in what these differ."""
    found = []
    for dataset, rows in results[results["status"] != "skipped"].groupby("dataset", sort=False):
        several = measured_otherwise(rows)
        if several:
            what = "are" if len(several) > 1 else "is"
            found.append(
                f"{plain(dataset)}: numbers compare only where {told(several)} {what} the same"
            )
    return found


def protocol_captions(results: pd.DataFrame) -> list[str]:
    """That trials are of an older protocol than the one that this version measures by."""
    known = results["protocol"][results["status"] != "skipped"].dropna()
    older = sorted({plain(text) for text in known if text != str(PROTOCOL)})
    if not older:
        return []
    return [
        f"{'Some trials' if len(older) < known.nunique() else 'These trials'} are of protocol "
        f"{' and '.join(older)}; this version measures by protocol {PROTOCOL}, and numbers of different "
        "protocols do not compare"
    ]


def speed_captions(results: pd.DataFrame) -> list[str]:
    """Of which trials a cell's speed is, where not of all that ended well."""
    ok = results["status"] == "ok"
    alone = results["exclusive"].fillna(False).astype(bool)
    if not (ok & alone).any() or (alone | ~ok).all():
        return []
    return ["Speeds are of trials that had their device to themselves, which are fewer than n"]


def interval_captions(summary: pd.DataFrame, intervals: bool, pairs: bool) -> list[str]:
    """What the intervals of a table of cells are, and how far to trust them.

    :param summary: see `summary.by_cell`.
    :param intervals: whether the table shows any; ``pairs`` whether it shows the values of two seeds.
    """
    about, counts = summary.attrs["interval"], summary["n"][summary["n"] > 0]
    enough = counts[counts >= LEAST_SEEDS]
    found = []
    if intervals:
        found.append(
            f"Medians over seeds with {100 * about['level']:g} % intervals, as [low, high] or as "
            f"distances, ± where these are about equal; {about['method']}"
        )
    if pairs:
        found.append(f"a{BETWEEN}b: both values of two seeds, in their order; {too_few(2)}")
    if len(counts) and counts.min() == 1:
        found.append("One seed says nothing about the spread over seeds: no interval where n is 1")
    if intervals and len(enough) and enough.min() <= _FEW:
        found.append(f"Intervals are rough where n is as small as {enough.min()}")
    if summary["failed"].any():
        found.append(
            "A trial that failed or diverged stays in n and counts as infinitely bad; it has no cost, "
            "and no value of what has no better direction"
        )
    return found
