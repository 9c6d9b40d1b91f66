"""The weights that a grid's trials start from, found and hashed before a run begins."""

from __future__ import annotations

from dataclasses import replace

from ganbench.base.errors import UsageError
from ganbench.base.files import sha256_of, storage_errors
from ganbench.grid.grid import Grid
from ganbench.store.weights import absolute_init, weights_file


def with_initial_weights(grid: Grid) -> Grid:
    """The grid with the place and the hash of the weights that ``training.init`` names.

    :raises UsageError: if there are none, or if they are not those of a given hash.
    """
    text = grid.training.get("init")
    if not text:
        return grid
    place = absolute_init(str(text))
    file = weights_file(place)
    with storage_errors(file):
        digest = sha256_of(file)
    expected = grid.training.get("init_sha256", digest)
    if digest != expected:
        raise UsageError(
            f"training.init {text} has the sha256 {digest[:16]}…, not {str(expected)[:16]}… as "
            "training.init_sha256 says: the weights have changed; name others, or remove that setting"
        )
    return replace(grid, training={**grid.training, "init": place, "init_sha256": digest})
