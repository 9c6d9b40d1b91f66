"""Sharing a run folder with other runs, and a device with other trials."""
