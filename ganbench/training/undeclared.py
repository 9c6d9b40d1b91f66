"""What a loss or a regularizer reads of a view that its declarations leave out.

Whatever is not declared is None in the view, or no leaf of the graph. An error alone does not prove
that this was the cause. So the call is made again with stand-ins: what it cannot do without is named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch

from ganbench.base.errors import ContractError
from ganbench.components.architecture import CRITIC_CLASSES, CRITIC_FEATURES, STYLES, Critique
from ganbench.components.loss import Loss
from ganbench.components.regularizer import Player, Regularizer
from ganbench.components.view import View
from ganbench.training.contract import named, scalar

#: Errors that None, or an image that is no leaf, may lead to.
_CAUSES = (TypeError, AttributeError, AssertionError, RuntimeError)
_CLASSES, _WIDTH = 2, 4


class _Gap(NamedTuple):
    """Something that the view lacks.

    :ivar fill: gives the view a stand-in for it.
    :ivar sentence: what reading it means, after the name of the component.
    """

    fill: Callable[[View], View]
    sentence: str


def asked(component: Loss | Regularizer, player: Player, method: str, view: View) -> torch.Tensor:
    """The loss or term that a component's method gives for a view.

    :raises ContractError: where the component does not keep its contract.
    """
    call = getattr(component, method)
    try:
        value = call(view)
    except Exception as error:
        check_reads(component, player, call, view, error)
        raise
    checked: torch.Tensor = scalar(component, player, value)
    return checked


def check_reads(
    component: Loss | Regularizer,
    player: Player,
    call: Callable[[View], Any],
    view: View,
    error: Exception,
) -> None:
    """Say so where ``call`` failed because it read what the component does not declare.

    :param error: what ``call(view)`` raised.
    :raises ContractError: names what it reads, and the declaration.
    """
    out_of_memory = isinstance(error, torch.OutOfMemoryError)
    gaps = (
        [] if out_of_memory or not isinstance(error, _CAUSES) else [*_gaps(component, player, view)]
    )
    if not gaps or not _works(call, view, gaps):
        return
    needed = [gap for gap in gaps if not _works(call, view, [g for g in gaps if g is not gap])]
    if needed:
        reads = "; it ".join(gap.sentence for gap in needed)
        raise ContractError(f"{player}() of {named(component)} {reads}") from error


def _works(call: Callable[[View], Any], view: View, gaps: list[_Gap]) -> bool:
    for gap in gaps:
        view = gap.fill(view)
    try:
        call(view)
    except Exception:
        return False
    return True


def _gaps(component: Loss | Regularizer, player: Player, view: View) -> Iterator[_Gap]:
    if view.real is None:
        yield _Gap(_with_real, _reads_real(component))
    elif player == "discriminator" and isinstance(component, Regularizer):
        for side in ("real", "fake"):
            if not getattr(view, side).requires_grad:
                yield _Gap(_with_leaf(side), _differentiates(component, side))
    critique = view.fake_critique
    if critique is not None and critique.features is None:
        yield _Gap(
            _with_features, _reads("features of the discriminator", CRITIC_FEATURES, component)
        )
    if critique is not None and critique.class_logits is None:
        yield _Gap(_with_classes, _reads("class logits", CRITIC_CLASSES, component))
    if view.labels is None:
        what = (
            "reads labels, which this trial does not have: choose a class-conditional architecture"
        )
        yield _Gap(_with_labels, f"{what}, or do without them where view.labels is None")
    if view.with_styles is None:
        yield _Gap(_with_styles, _reads("styles of the generator", STYLES, component))


def _reads_real(component: Loss | Regularizer) -> str:
    if isinstance(component, Loss):
        return (
            "reads `real`, and generator_uses_real is False: set generator_uses_real = True, or let "
            "it depend on fake alone"
        )
    return (
        "reads `real`, which the loss of this trial does without in the generator's step: use fake "
        "alone, or do nothing where view.real is None"
    )


def _differentiates(component: Regularizer, side: str) -> str:
    declared = ", ".join(map(repr, sorted({side, *component.differentiates})))
    return (
        f"differentiates by the {side} images without saying so: set "
        f"differentiates = frozenset({{{declared}}})"
    )


def _reads(what: str, capability: str, component: Loss | Regularizer) -> str:
    if capability in component.needs:
        return f"reads {what}, which this architecture claims ({capability}) and does not give"
    return (
        f"reads {what}, which this architecture does not give: declare needs = "
        f"{{{capability!r}: 'why'}}, so that grids leave such cells out"
    )


def _with_real(view: View) -> View:
    critique = view.fake_critique or Critique(view.fake_logits)
    return dataclasses.replace(
        view,
        real=view.fake.detach(),
        real_logits=view.fake_logits.detach(),
        real_critique=_each(critique, lambda tensor: tensor.detach()),
        augmented_real=view.seen_fake.detach(),
    )


def _with_leaf(side: str) -> Callable[[View], View]:
    def fill(view: View) -> View:
        leaf = getattr(view, side).detach().requires_grad_()
        logits = view.critic(leaf)
        critique = dataclasses.replace(
            getattr(view, f"{side}_critique") or Critique(logits), logits=logits
        )
        changes: dict[str, Any] = {
            side: leaf,
            f"{side}_logits": logits,
            f"{side}_critique": critique,
            f"augmented_{side}": None,
        }
        return dataclasses.replace(view, **changes)

    return fill


def _with_features(view: View) -> View:
    return _critiques(view, features=view.fake_logits.new_ones(len(view.fake), _WIDTH))


def _with_classes(view: View) -> View:
    return _critiques(view, class_logits=view.fake_logits.new_zeros(len(view.fake), _CLASSES))


def _with_labels(view: View) -> View:
    labels = torch.zeros(len(view.fake), dtype=torch.int64, device=view.fake.device)
    return dataclasses.replace(view, labels=labels)


def _with_styles(view: View) -> View:
    def styled(latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        assert view.generate is not None
        styles = latents[:, None].detach().requires_grad_()
        return view.generate(styles[:, 0]), styles

    return dataclasses.replace(view, with_styles=styled)


def _critiques(view: View, **parts: torch.Tensor) -> View:
    critiques: dict[str, Any] = {
        name: dataclasses.replace(critique, **parts)
        for name in ("real_critique", "fake_critique")
        if (critique := getattr(view, name)) is not None
    }
    return dataclasses.replace(view, **critiques)


def _each(critique: Critique, change: Callable[[torch.Tensor], torch.Tensor]) -> Critique:
    features, classes = critique.features, critique.class_logits
    return Critique(
        change(critique.logits),
        None if features is None else change(features),
        None if classes is None else change(classes),
    )
