"""Experiment trackers as callbacks: TensorBoard, MLflow, CSV; none is imported before it is used."""
