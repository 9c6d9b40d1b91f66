"""The part of a training step that a loss or a regularizer sees."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ganbench.components.progress import FINISHED, Progress

if TYPE_CHECKING:
    import torch

    from ganbench.components.architecture import Critique, Networks


@dataclass
class View:
    """A real and a fake batch, and the discriminator's responses to both.

    :ivar critic: images -> logits (float32), with the labels bound; without autocast, so that
        penalties are computed in full precision.
    :ivar real: (batch, c, h, w) real images before augmentation; None in a generator's step whose
        loss does not look at real images. Leaves of the graph where a regularizer differentiates
        them, so that its gradient goes through the augmentation.
    :ivar fake: (batch, c, h, w) generated images before augmentation; detached, and leaves likewise,
        in a discriminator's step.
    :ivar real_logits: the critic's response to ``seen_real``, part of the graph.
    :ivar fake_logits: the critic's response to ``seen_fake``, part of the graph.
    :ivar random: the regularizers' own random stream, on the device.
    :ivar state: the tensors of the loss or regularizer that reads the view, from its `initial_state`
        and `network_state`; update them in place.
    :ivar labels: (batch,) class labels of the real images, and of the fake ones, or None.
    :ivar latents: the latents of ``fake``.
    :ivar generate: latents -> images, for penalties on the generator.
    :ivar with_styles: latents -> (images, styles), where the architecture claims ``styles``.
    :ivar real_critique: the discriminator's whole answer to ``seen_real``, with features and class
        logits where it gives them; a constant in a generator's step.
    :ivar fake_critique: its whole answer to ``seen_fake``.
    :ivar augmented_real: ``real`` after augmentation, or None where nothing augments; see `seen_real`.
    :ivar augmented_fake: ``fake`` after augmentation, likewise; see `seen_fake`.
    :ivar networks: the two modules, for terms on their weights.
    :ivar progress: how far the training has come. A term with a schedule should rather keep its value
        in ``state``, see `Regularizer.advance`.
    """

    critic: Callable[[torch.Tensor], torch.Tensor]
    real: torch.Tensor | None
    fake: torch.Tensor
    real_logits: torch.Tensor | None
    fake_logits: torch.Tensor
    random: torch.Generator
    state: MutableMapping[str, torch.Tensor] = field(default_factory=dict)
    labels: torch.Tensor | None = None
    latents: torch.Tensor | None = None
    generate: Callable[[torch.Tensor], torch.Tensor] | None = None
    with_styles: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]] | None = None
    real_critique: Critique | None = None
    fake_critique: Critique | None = None
    augmented_real: torch.Tensor | None = None
    augmented_fake: torch.Tensor | None = None
    networks: Networks | None = None
    progress: Progress = FINISHED

    @property
    def seen_real(self) -> torch.Tensor | None:
        """``real`` as the critic saw them, after augmentation."""
        return self.real if self.augmented_real is None else self.augmented_real

    @property
    def seen_fake(self) -> torch.Tensor:
        """``fake`` as the critic saw them, after augmentation."""
        return self.fake if self.augmented_fake is None else self.augmented_fake
