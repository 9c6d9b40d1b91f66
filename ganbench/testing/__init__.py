"""What plugin authors can test with: suites to inherit, and synthetic run folders."""

from ganbench.testing.plugins import installed

__all__ = ["installed"]
