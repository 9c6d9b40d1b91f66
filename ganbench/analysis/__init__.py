"""Trials, cells and blocks; comparing and ranking; statistics over seeds (torch-free)."""
