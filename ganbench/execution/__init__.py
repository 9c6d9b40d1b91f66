"""Running trials: data and evaluators, one trial, a whole grid, progress."""
