"""Sentences beneath tables: how to read numbers, why some are missing, what seeds can show."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from ganbench.analysis.comparability import cell_label, measured_otherwise, settings_text
from ganbench.analysis.frame_tools import text_of
from ganbench.analysis.metrics import SPEED, is_ok, ran_alone
from ganbench.analysis.provenance import provenance_notes
from ganbench.analysis.shared_blocks import LeftOut
from ganbench.analysis.statistics.aggregates import Statistic
from ganbench.analysis.statistics.intervals import LEAST_SEEDS, LEVEL
from ganbench.analysis.statistics.seeds import Seeds, unseen
from ganbench.analysis.training_counts import critic_steps_of
from ganbench.base.protocol import PROTOCOL
from ganbench.base.text import counted, first_of, listed, percent, plain
from ganbench.components.column import Column
from ganbench.present.numbers import number
from ganbench.present.view import BETWEEN, Estimate, Note
from ganbench.store.schema import AXES, STATUSES

#: Intervals over this many seeds, or fewer, are called rough.
_FEW = 5


#: What `samples_note` says of one trial alone.
_OWN_NUMBERS = re.compile(r" \([^()]*\)$|about \d+% of ")

#: How far one trial was when it stopped.
_OWN_PROGRESS = re.compile(r" after [\d,]+ steps?$")


def table_footnotes(
    results: pd.DataFrame,
    summary: pd.DataFrame | None,
    names: Collection[str],
    measured: bool,
    estimates: Collection[Estimate],
    speeds: bool = True,
) -> list[str]:
    """All footnotes of a table of results.

    :param summary: see `summary.by_cell`; None for a table of trials.
    :param names: the columns that the table shows; ``measured`` whether a metric is among them.
    :param estimates: the estimates that the table shows.
    :param speeds: whether a reader expects speeds.
    """
    found = [
        *(_features(results) if measured else []),
        *no_results(results),
        *weak_features(results),
        *_protocols(results),
        *_measurements(results),
        *_nondeterminism(results),
        *(_speeds(results, SPEED in names) if speeds else []),
    ]
    if summary is not None:
        found += _intervals(summary, any(e.low for e in estimates), any(e.both for e in estimates))
        found += count_footnotes(results)
    return found + provenance_notes(results)


def count_footnotes(frame: pd.DataFrame) -> list[str]:
    """What the budget bought, for each data set and budget whose cells differ in critic steps."""
    ended = frame[is_ok(frame)].assign(_critic=critic_steps_of(frame))
    keys = [name for name in ("dataset", "budget") if name in frame.columns]
    found = []
    for key, rows in ended.groupby(keys, sort=False):
        critics = sorted(rows["_critic"].dropna().unique().tolist())
        if len(critics) < 2:
            continue
        parts = [
            f"{counted(int(critic), 'discriminator update')}: {number(some['images'].median(), 0)} real "
            f"images and {number(some['steps'].median(), 0)} generator updates"
            for critic, some in ((c, rows[rows["_critic"] == c]) for c in critics)
        ]
        found.append(
            f"{plain(', '.join(map(str, key)))}: cells differ in discriminator updates per generator "
            f"update, so the budget bought different counts (medians): with {'; with '.join(parts)}"
        )
    return found


def past_footnote(every: pd.DataFrame, shown: pd.DataFrame) -> list[str]:
    """How many trials a table of cells leaves out since they went on to a larger budget."""
    past = every[~every["trial"].isin(shown["trial"])]
    if past.empty:
        return []
    budgets = listed([plain(text) for text in past["budget"].dropna().unique()], 3)
    return [
        f"Each cell is shown once, at the largest budget that it reached: "
        f"{counted(len(past), 'trial')} of {budgets} went on to a larger budget and "
        f"{'is' if len(past) == 1 else 'are'} not counted again"
    ]


def bold_footnote(summary: pd.DataFrame) -> str:
    """What bold means in a table of cells, and what its seeds cannot see."""
    counts = summary["n"][summary["n"] > 0]
    few = counts.min() < LEAST_SEEDS
    never = f"; cells of fewer than {LEAST_SEEDS} seeds are never bold" if few else ""
    least = int(counts[counts >= LEAST_SEEDS].min())
    return (
        "Bold: the best median of each data set, and the next ones up to the first that the data tell "
        f"apart from it ({percent(LEVEL)}, paired by seed where cells share seeds, Holm-corrected for "
        f"all comparable pairs of cells){never}. {unseen_text(least, LEVEL)}"
    )


def baseline_footnote(effect: Column, label: str) -> str:
    """How to read the column of effects against the baseline."""
    return (
        f"Baseline: {plain(label)}. {effect.label}: {effect.meaning.replace('`', '')}, with "
        f"{percent(LEVEL)} intervals, not corrected for the number of cells; – for the baseline itself, "
        "without shared seeds, and where numbers mean something else"
    )


def _features(results: pd.DataFrame) -> list[str]:
    """The features that metrics are computed on, by data set."""
    pairs = results.loc[results["extractor"].notna(), ["dataset", "extractor"]].drop_duplicates()
    by_features: dict[str, list[str]] = {}
    for dataset, extractor in pairs.itertuples(index=False):
        by_features.setdefault(plain(extractor), []).append(plain(dataset))
    return [f"{', '.join(names)}: metrics on {found}" for found, names in by_features.items()]


def no_results(results: pd.DataFrame) -> list[str]:
    """What makes samples no result, for each reason with its trials; rows have each one's numbers."""
    found: dict[str, list[str]] = {}
    for reason, trials in _by_text(results, "samples_note").items():
        found.setdefault(_OWN_NUMBERS.sub("", reason), []).extend(trials)
    return [
        f"No result, whatever the numbers: {first_of(trials, 3)}: {reason}"
        for reason, trials in found.items()
    ]


def weak_features(results: pd.DataFrame) -> list[str]:
    """Which features cannot carry a ranking."""
    return [
        f"Weak features: {reason} ({counted(len(trials), 'trial')})"
        for reason, trials in _by_text(results, "features_note").items()
    ]


def _by_text(results: pd.DataFrame, name: str) -> dict[str, list[str]]:
    """The trials that have each text in a column."""
    found: dict[str, list[str]] = {}
    if name in results.columns:
        for text, trial in results.loc[results[name].notna(), [name, "trial"]].itertuples(
            index=False
        ):
            found.setdefault(plain(text), []).append(plain(trial))
    return found


def _measurements(results: pd.DataFrame) -> list[str]:
    """For each data set that was measured in several ways, how these differ."""
    found = []
    for dataset, rows in results[results["status"] != "skipped"].groupby("dataset", sort=False):
        several = measured_otherwise(rows)
        several.pop("protocol", None)  # `_protocols` says it
        budgets = dict(iter(rows.groupby("budget", sort=False))) if "budget" in rows else {}
        if len(budgets) > 1:
            found.append(
                f"{plain(dataset)}: trials have budgets of {listed([*map(plain, budgets)], 3)}; only "
                "trials of one budget are compared"
            )
            if not any("ticks" in measured_otherwise(own) for own in budgets.values()):
                several.pop("ticks", None)
        if several:
            found.append(
                f"{plain(dataset)}: only numbers with equal {settings_text(several)} are comparable"
            )
    return found


def _protocols(results: pd.DataFrame) -> list[str]:
    """Whether trials were measured by several protocols, or by an older one than this version's."""
    known = results["protocol"][results["status"] != "skipped"].dropna()
    older = sorted({plain(text) for text in known if text != str(PROTOCOL)})
    if not older:
        return []
    return [
        f"{'Some trials' if len(older) < known.nunique() else 'These trials'} have protocol "
        f"{' and '.join(older)}; this version measures with protocol {PROTOCOL}, and numbers of "
        "different protocols are not comparable"
    ]


def _nondeterminism(results: pd.DataFrame) -> list[str]:
    """Whether trials used operations that give other bits in every run."""
    if "nondeterministic" not in results.columns:
        return []
    known = results["nondeterministic"].dropna()
    if known.empty:
        return []
    names = sorted({name for text in known for name in plain(text).split(", ")})
    return [
        f"{counted(len(known), 'trial')} used {listed(names)}, which PyTorch cannot compute in a fixed "
        "order: another run with the same seed may give other numbers"
    ]


def _speeds(results: pd.DataFrame, shown: bool) -> list[str]:
    """Which trials the speeds count, unless they count all that ended well."""
    ok, alone = is_ok(results), ran_alone(results)
    if not ok.any() or (alone | ~ok).all():
        return []
    how = "`ganbench run … -j 1`, alone on the device, measures the speed of new trials"
    if not (ok & alone).any():
        return [f"No speeds: every trial shared its device with another; {how}"]
    if not shown:
        return []
    return [
        "Speeds count only trials that had their device to themselves; these are fewer than n; "
        + how
    ]


def _intervals(summary: pd.DataFrame, intervals: bool, pairs: bool) -> list[str]:
    """The kind of a table's intervals, and how far to trust them.

    :param intervals: whether the table shows any; ``pairs`` whether it shows the values of two seeds.
    """
    about, counts = summary.attrs["interval"], summary["n"][summary["n"] > 0]
    enough = counts[counts >= LEAST_SEEDS]
    found = []
    if intervals:
        found.append(
            f"Medians over seeds with {percent(about['level'])} intervals, as [low, high] or as "
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
            "and no value in a column without a better direction"
        )
    return found


def failures(results: pd.DataFrame) -> list[Note]:
    """Trials that did not end well, and trials that the next run will finish."""
    failed = results[~results["status"].isin(["ok", "skipped", "interrupted"])]
    notes = [
        Note(
            plain(line["status"]), _reason(line["error"], STATUSES[line["status"]]), [_named(line)]
        )
        for line in failed.to_dict("records")
    ]
    return [*notes, *_waiting(results)]


def _waiting(results: pd.DataFrame) -> list[Note]:
    """Trials that the next run will finish, by the reason why they have not ended."""
    found: dict[str, list[str]] = {}
    for line in results[results["status"] == "interrupted"].to_dict("records"):
        reason = _OWN_PROGRESS.sub("", _reason(line["error"], "it has not ended"))
        found.setdefault(reason, []).append(_named(line))
    return [
        Note(
            "interrupted",
            f"{reason}; the next run continues {'it' if len(own) == 1 else 'them'}",
            own,
        )
        for reason, own in found.items()
    ]


def _named(row: Mapping[Any, Any]) -> str:
    """The id of a trial, and its components with their options."""
    label = cell_label(row[axis] for axis in AXES)
    return f"{plain(row['trial'])}: {label} seed {plain(row['seed'])}"


def skipped(results: pd.DataFrame) -> list[Note]:
    """Why cells were skipped; cells with the same reason share a note."""
    reasons: dict[str, dict[str, None]] = {}
    for line in results[results["status"] == "skipped"].to_dict("records"):
        reason = _reason(line["error"], "no reason given")
        reasons.setdefault(reason, {})[cell_label(line[axis] for axis in AXES)] = None
    return [Note("skipped", reason, list(labels)) for reason, labels in reasons.items()]


def _reason(error: object, otherwise: str) -> str:
    text = text_of(error)
    return plain(text) if text.strip() else otherwise


#: How a statistic summarizes seeds, in words.
WAYS: dict[Statistic, str] = {
    "mean": "means over seeds",
    "median": "medians over seeds",
    "iqm": "means over seeds without the lowest and the highest quarter",
}


def too_few(most: int) -> str:
    """Why there is no interval if no block has more than ``most`` (1 or 2) seeds."""
    if most == 1:
        return "one seed gives no interval and says nothing about other seeds: run more seeds"
    return "two seeds give no interval; run at least three"


def seeds_text(seeds: Seeds) -> str:
    """``4 to 5 seeds in 2 blocks, 6 different ones in all``, from the seeds of each block."""
    counts = sorted({len(own) for own in seeds})
    every = len({seed for own in seeds for seed in own})
    most = counted(counts[-1], "seed")
    spread = most if len(counts) == 1 else f"{counts[0]} to {most}"
    where = "one block" if len(seeds) == 1 else f"{len(seeds)} blocks"
    return f"{spread} in {where}" + (f", {every} different ones in all" * (every > counts[-1]))


def unseen_text(seeds: int, level: float) -> str:
    """What this number of seeds cannot see: ``3 seeds may miss …``."""
    return (
        f"{counted(seeds, 'seed')} may miss an event that hits fewer than "
        f"{100 * unseen(seeds, level):.0f} % of all seeds, such as a rare collapse"
    )


def left_out_texts(items: Sequence[LeftOut]) -> list[str]:
    """A sentence for each reason, with the blocks or components that it concerns."""
    by_reason: dict[str, list[str]] = {}
    for item in items:
        by_reason.setdefault(item.reason, []).append(item.label)
    return [f"Left out, {first_of(names, 3)}: {reason}." for reason, names in by_reason.items()]
