"""The base architecture of the residual designs."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal, Self

from ganbench import (
    CRITIC_CLASSES,
    CRITIC_FEATURES,
    PER_SAMPLE_CRITIC,
    Architecture,
    DataSpec,
    image_problem,
    option,
)
from ganbench_resnet.critic import Condition, Discriminator
from ganbench_resnet.layers import Layers
from ganbench_resnet.plans import ATTENDED, LARGEST, SMALLEST, Plan, sngan_plan

#: A map's size, the design's own choice, or no self-attention.
Attention = int | Literal["auto", "none"]


class ResidualPair(Architecture):
    """A residual generator and a spectrally normalized residual discriminator.

    In the authors' programs of SNGAN, SAGAN and BigGAN the discriminator's skips carry the blocks'
    inputs, as in the papers. In Mimicry and PyTorch-StudioGAN the blocks begin with an in-place ReLU,
    so the skips carry its output: ``d_skip=rectified``.

    :cvar title: the name under which the design is registered.
    """

    title: ClassVar[str]

    d_condition: Literal["auto", "projection", "classifier"] = option(
        "auto",
        "how a class-conditional discriminator uses classes; auto: classifier if the cell needs "
        "class logits, else projection",
    )
    d_skip: Literal["input", "rectified"] = option(
        "input",
        "input of the skips in the discriminator's blocks; rectified: the block's input after the first "
        "ReLU, as in Mimicry and PyTorch-StudioGAN",
    )

    def problem(self, data: DataSpec) -> str | None:
        problem = image_problem(self.title, data, SMALLEST, LARGEST)
        if problem:
            return problem
        if self.task == "class-conditional" and not data.classes:
            return (
                f"{self.title} is class-conditional here, but the data has no classes: use data with "
                "classes, or sngan or sagan with conditional=false"
            )
        return None

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        claims = frozenset({PER_SAMPLE_CRITIC, CRITIC_FEATURES})
        return claims | {CRITIC_CLASSES} if self._condition == "classifier" else claims

    def advice(self, capability: str) -> str:
        if capability != CRITIC_CLASSES:
            return ""
        if self.task != "class-conditional":
            return "conditional=true"
        return "d_condition=auto or classifier"

    def resolve(self, needs: frozenset[str], data: DataSpec) -> Self:
        if self.d_condition != "auto" or self.task != "class-conditional":
            return self
        classifier = CRITIC_CLASSES in needs
        return dataclasses.replace(self, d_condition="classifier" if classifier else "projection")

    @property
    def _condition(self) -> Condition:
        if self.task != "class-conditional":
            return "none"
        return "classifier" if self.d_condition == "classifier" else "projection"

    def _discriminator(
        self, data: DataSpec, plan: Plan, layers: Layers, *, wide: bool, attended: int = 0
    ) -> Discriminator:
        return Discriminator(
            plan,
            data.channels,
            layers,
            wide=wide,
            rectified_skips=self.d_skip == "rectified",
            attended=attended,
            classes=data.classes if self.task == "class-conditional" else 0,
            condition=self._condition,
        )


class PlainPair(ResidualPair):
    """SNGAN and designs with its plan: class-conditional by option, latents go to the first layer."""

    conditional: bool = option(False, "use the classes of the data")
    latent_dim: int = option(128, "length of the standard normal latents", ge=1)
    g_width: int = option(
        0, "channels of the generator's map at the image's size; 0: 256, beyond 32 pixels 64", ge=0
    )
    d_width: int = option(
        0, "channels after the discriminator's first block; 0: 128, beyond 32 pixels 64", ge=0
    )

    def __post_init__(self) -> None:
        if self.d_condition != "auto" and not self.conditional:
            raise ValueError(f"d_condition={self.d_condition} is for conditional=true")

    @property
    def task(self) -> Literal["unconditional", "class-conditional"]:
        return "class-conditional" if self.conditional else "unconditional"

    def _plan(self, data: DataSpec) -> Plan:
        return sngan_plan((data.height, data.width), self.g_width, self.d_width)

    def _classes(self, data: DataSpec) -> int:
        return data.classes if self.conditional else 0


def attended_size(attention: Attention, plan: Plan) -> int:
    """The size of the map with self-attention, 0 for none.

    By default the largest that both players have, up to 64: half the image's size up to 128 pixels.
    """
    if isinstance(attention, int):
        return attention
    return 0 if attention == "none" else max(s for s in plan.shared_sizes if s <= ATTENDED)


def attention_problem(attention: Attention, plan: Plan) -> str | None:
    """Why no map has the size that ``attention`` names; None if one has."""
    sizes = plan.shared_sizes
    if not isinstance(attention, int) or attention in sizes:
        return None
    listed = " or ".join(map(str, sizes))
    return f"attention={attention}: both players have maps of {listed} pixels; choose one of these"
