"""The regularizer that does nothing."""

from __future__ import annotations

from ganbench import Regularizer


class NoRegularizer(Regularizer):
    """No regularization: no player's loss gains a term."""

    players = frozenset()
