"""Time components, also against an earlier version of them: ``ganbench bench``."""
