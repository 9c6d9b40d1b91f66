"""``gb.results``: read the results of runs, compare and rank components."""

from ganbench.evaluation.stability import stability
from ganbench.present.compare_and_rank import compare, rank
from ganbench.store.frames import load_history, load_results

load = load_results
history = load_history

__all__ = ["load", "history", "compare", "rank", "stability"]
