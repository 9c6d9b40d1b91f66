"""Grids: files, axes, budgets, settings, expansion into cells and trials, identity (torch-free)."""
