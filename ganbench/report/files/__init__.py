"""Figures as files for papers and slides: PNG, PDF and SVG, drawn with matplotlib.

A module for each kind draws what `ganbench.report.charts` gathers. Sizes are in inches and points, so
that a figure set at its own size has text of 7 to 9 points.
"""
