"""Panels of marks as Plotly figures: plain dictionaries, because Plotly's classes load slowly.

Colors are names, ``$series-0`` or ``$series-0/0.2`` with an opacity, which the page looks up for its
theme.
"""
