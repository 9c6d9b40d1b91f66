"""Training one trial: the step, the trainer, its state and checkpoints."""
