"""One module for each kind of figure: it turns results into panels of marks."""
