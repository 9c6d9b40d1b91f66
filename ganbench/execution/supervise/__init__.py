"""The supervisor of a run and its workers: which trial runs where, and how each one ends."""
