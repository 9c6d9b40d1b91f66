"""New plugin distributions to start from."""
