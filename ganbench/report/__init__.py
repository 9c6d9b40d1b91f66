"""A run's report: one HTML file that needs nothing but itself."""
