"""The run folder: rows, histories, digests, the table of all rows (torch-free)."""
