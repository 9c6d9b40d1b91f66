"""What the host decides for each step: it is done before the step, and reaches it in tensors."""

from __future__ import annotations

from ganbench.components.architecture import Architecture
from ganbench.components.augmentation import Augmentation
from ganbench.components.base import Component, overrides
from ganbench.components.loss import Loss
from ganbench.components.progress import Progress
from ganbench.components.regularizer import Regularizer
from ganbench.grid.settings import ResolvedSettings
from ganbench.training.batches import Batches
from ganbench.training.optimizers import LearningRates
from ganbench.training.players import Players


class StepInputs:
    """Sets the batches, rates and schedules of each step."""

    def __init__(
        self,
        players: Players,
        architecture: Architecture,
        batches: Batches,
        training: ResolvedSettings,
    ) -> None:
        self.batches = batches
        self._averaged, self._architecture = players.averaged, architecture
        settings, schedule = training.settings, training.component("lr_decay").component
        optimizers = (players.g_optimizer, players.d_optimizer)
        self._rates = LearningRates(optimizers, schedule, settings)
        self._shown = settings.d_steps * settings.batch_size
        grows = overrides(architecture, Architecture, "advance")
        self._networks = players.modules().values() if grows else ()
        self._scheduled = [part for part in players.parts() if _scheduled(part.component)]

    def prepare(self, progress: Progress) -> None:
        """Set everything for the step that begins at this progress."""
        self.batches.begin_step()
        self._rates.apply(progress)
        for part in self._scheduled:
            part.component.advance(part.state, progress)
        for network in self._networks:
            self._architecture.advance(network, progress)
        self._averaged.prepare(progress.images + self._shown, self._shown)


def _scheduled(component: Component) -> bool:
    """Whether a component follows the training's progress; to call the others would waste time."""
    contract = next(c for c in (Loss, Regularizer, Augmentation) if isinstance(component, c))
    return overrides(component, contract, "advance")
