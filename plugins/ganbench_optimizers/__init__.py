"""PyTorch's optimizers, and the schedules of their learning rates."""

from __future__ import annotations

from typing import Any

from ganbench import hookimpl

#: Name -> module and class in this package, and a summary.
_OPTIMIZERS = {
    "adam": ("adam_family:Adam", "Moving averages of gradients and of their squares"),
    "adamw": ("adam_family:AdamW", "Adam with a weight decay apart from the gradients"),
    "radam": ("adam_family:RAdam", "Adam with a rectified variance in its first steps"),
    "nadam": ("adam_family:NAdam", "Adam with Nesterov's momentum"),
    "adamax": ("adam_family:Adamax", "Adam with the largest of past gradients"),
    "sgd": ("gradient_scaling:SGD", "Gradient descent, with or without momentum"),
    "rmsprop": ("gradient_scaling:RMSprop", "Gradients over a moving average of their size"),
    "adagrad": ("gradient_scaling:Adagrad", "Gradients over the sum of their past squares"),
    "adadelta": ("gradient_scaling:Adadelta", "Steps of the size of past steps"),
}
_SCHEDULES = {
    "none": ("schedules:Constant", "Rates that stay"),
    "linear": ("schedules:Linear", "A straight line from the first to the last rate"),
    "cosine": ("schedules:Cosine", "Half a cosine from the first to the last rate"),
}


@hookimpl
def ganbench_optimizers(register: Any) -> None:
    """Provide the optimizers."""
    for name, (target, summary) in _OPTIMIZERS.items():
        register(name, f"ganbench_optimizers.{target}", summary=summary)


@hookimpl
def ganbench_schedules(register: Any) -> None:
    """Provide the schedules."""
    for name, (target, summary) in _SCHEDULES.items():
        register(name, f"ganbench_optimizers.{target}", summary=summary)
