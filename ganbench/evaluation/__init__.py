"""Feature passes, quality metrics, mode tests and stability of one trial."""
