"""The columns of what compares components: `comparison_tables.frame` and `ranking.rank`."""

from __future__ import annotations

from collections.abc import Iterator

from ganbench.components.column import Column
from ganbench.results.schema import AXES, CORE
from ganbench.results.side_outcomes import FAILED, OUTCOMES

_A_TO_B = "A / B, or difference A - B of a metric that is not positive without bound"


def _estimate(name: str, meaning: str) -> Iterator[Column]:
    yield Column(name, "float64", "", meaning)
    yield Column(f"{name}_low", "float64", "", "lower end of its interval")
    yield Column(f"{name}_high", "float64", "", "upper end of its interval")


def stem(word: str) -> str:
    """What the columns of an outcome begin with: ``never_learned``."""
    return word.replace("-", "_")


def _outcome(word: str, told: str) -> Iterator[Column]:
    for side in "AB":
        name = f"{stem(word)}_{side.lower()}"
        yield Column(name, "Int64", "trials", f"trials of {side} among them that {told}")
    yield from _estimate(risk_column(word), f"share of these of A minus that of B ({word})")


def risk_column(word: str) -> str:
    """The column of the difference of an outcome's shares; that of failures is ``risk``."""
    return "risk" if word == FAILED else f"{stem(word)}_risk"


def _axes(told: str) -> Iterator[Column]:
    for name in AXES:
        yield Column(name, "string", "", f"{CORE[name].meaning}; {told}")


#: Of a comparison: one line per context, the last for all of them.
COMPARISON_COLUMNS: tuple[Column, ...] = (
    Column("context", "string", "", "what A and B were trained with, as a short text"),
    *_axes("not the axis that is compared"),
    Column(
        "n", "Int64", "pairs", "pairs of trials with a seed in common in which the metric is known"
    ),
    *_estimate("effect", f"ratio {_A_TO_B}, over pairs"),
    Column("p", "float64", "", "of a two-sided test that there is no effect; not corrected"),
    *_estimate("better", "probability that a trial of A beats one of B"),
    Column("pairs", "Int64", "pairs", "pairs of trials that ended, whatever is known of them"),
    *_outcome("failed", "failed or diverged"),
    *(column for word in OUTCOMES[1:] for column in _outcome(word, f"have the verdict `{word}`")),
    Column("speed_n", "Int64", "pairs", "pairs that ran alone on equal devices"),
    *_estimate("speed", "ratio A / B of real images per second, over these"),
    *_estimate("updates", "ratio A / B of generator updates per second, over these"),
    *(
        Column(f"{name}_{side.lower()}", "float64", unit, f"{told}, median over trials of {side}")
        for name, unit, told in (
            ("images", "images", "real images shown to the discriminator"),
            ("steps", "steps", "generator updates"),
        )
        for side in "AB"
    ),
)

#: Of a ranking: one line per component, the best first.
RANKING_COLUMNS: tuple[Column, ...] = (
    *_axes("the axis that is ranked, and no other"),
    Column("contexts", "Int64", "contexts", "what all components were trained with"),
    Column("n", "Int64", "trials", "trials of the component in these contexts, of seeds all share"),
    Column("failed", "Int64", "trials", "those that failed or diverged", "lower"),
    Column("failed_low", "float64", "", "lower end of Wilson's interval of `failed` / `n`"),
    Column("failed_high", "float64", "", "upper end of Wilson's interval of `failed` / `n`"),
    *_estimate("rank", "mean rank of a trial among one trial of each component, 1 the best"),
    *_estimate(
        "ratio", "to the median of the context; for a metric that is positive without bound"
    ),
    *_estimate("difference", "from the median of the context; for other metrics"),
    *_estimate("better", "probability that a trial beats one of the other components"),
    Column("p", "float64", "", "of a test that it equals the first, Holm-corrected for all pairs"),
    Column("tied", "boolean", "", "whether it is not told apart from the first"),
)
