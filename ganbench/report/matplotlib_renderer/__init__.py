"""Panels of marks as files for papers and slides: PNG, PDF and SVG, drawn with matplotlib.

Sizes are in inches and points: a figure at its own size has text of 7 to 9 points.
"""
