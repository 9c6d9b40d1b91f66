"""Charts as Plotly figures: plain dictionaries, each with its data as a table."""
