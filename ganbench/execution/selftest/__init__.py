"""The self-test: every promise checked and every speed measured on the user's own machine."""
