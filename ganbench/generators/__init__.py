"""A trained generator: load it, sample from it, export it."""
