"""Results: the row's columns, the run folder, pandas frames, groups over seeds, tables (torch-free)."""
