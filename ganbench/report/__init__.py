"""A run's report: one HTML file that works on its own."""
