"""The weight decay of an optimizer: its own option, or the setting."""

from __future__ import annotations

from ganbench import Optimizer, OptimizerSettings, option


class Decayed(Optimizer):
    """An optimizer whose option goes before the setting."""

    weight_decay: float | None = option(None, "none: the setting weight_decay", ge=0)

    def decay(self, settings: OptimizerSettings) -> float:
        """The weight decay in effect."""
        return settings.weight_decay if self.weight_decay is None else self.weight_decay
