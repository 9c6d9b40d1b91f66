"""A limit for a whole run: what fits into it, and when it is over."""
