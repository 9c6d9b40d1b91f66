"""Where a component does not keep its contract, or contradicts what it declares: one sentence.

Torch would report a consequence, such as an operation on None. These sentences name the component, what
it did and what its author can do.
"""

from __future__ import annotations

from typing import Any

import torch

from ganbench.base.errors import ContractError
from ganbench.base.text import kind_of_value
from ganbench.components.architecture import Architecture, Networks
from ganbench.components.augmentation import Augmentation
from ganbench.components.data import DataSpec
from ganbench.components.loss import Loss
from ganbench.components.regularizer import Regularizer

_LONGEST = 60


def named(component: Any) -> str:
    """``loss SoftHinge``."""
    kinds = {Loss: "loss", Regularizer: "regularizer", Augmentation: "augmentation"}
    kind = next((word for cls, word in kinds.items() if isinstance(component, cls)), "architecture")
    return f"{kind} {type(component).__name__}"


def scalar(component: Any, method: str, value: Any) -> Any:
    """What a loss or a term returned: a scalar tensor; a term may also be a number.

    :raises ContractError: for anything else.
    """
    of_a_loss = isinstance(component, Loss)
    mend = "return the value to minimize, a scalar tensor"
    if not isinstance(value, torch.Tensor):
        if isinstance(value, (int, float)) and not of_a_loss:
            return value
        what = "None" if value is None else f"a {type(value).__name__}, {_short(value)}"
    elif value.numel() != 1:
        what = f"a tensor of shape {tuple(value.shape)}"
        mend = "return a scalar, such as its mean"
    elif of_a_loss and not value.is_floating_point():
        what, mend = f"a tensor of {value.dtype}", "compute in float32"
    else:
        return value
    raise ContractError(f"{method}() of {named(component)} returns {what}: {mend}")


def check_gradient(loss: Loss, player: str, value: torch.Tensor) -> None:
    """Fail where the sum of a player's loss and terms cannot be differentiated.

    :raises ContractError: names the loss.
    """
    if not value.requires_grad:
        raise ContractError(
            f"{player}() of {named(loss)} returns a loss without a gradient: compute it from the "
            "logits, without detach(), item(), numpy() or no_grad()"
        )


def no_weight_moves(loss: Loss, player: str) -> ContractError:
    """The error of a player none of whose weights has a gradient."""
    logits = "fake logits" if player == "generator" else "logits"
    return ContractError(
        f"no weight of the {player} gets a gradient from {player}() of {named(loss)}: let the loss "
        f"depend on the {logits}, and let no network or augmentation on the way use detach(), round() "
        "or no_grad()"
    )


def augmented(augmentation: Augmentation, images: torch.Tensor, value: Any) -> torch.Tensor:
    """What an augmentation made of images.

    :raises ContractError: for anything else than floating images of the same shape.
    """
    if not isinstance(value, torch.Tensor):
        what = kind_of_value(value)
    elif value.shape != images.shape:
        what = f"images of shape {tuple(value.shape)} for {tuple(images.shape)}"
    elif not value.is_floating_point():
        what = f"images of {value.dtype}"
    else:
        return value
    raise ContractError(
        f"apply() of {named(augmentation)} returns {what}: return the changed images, with the shape "
        "and the type of those that it was given"
    )


def kept_tensors(component: Any, method: str, state: Any) -> dict[str, torch.Tensor]:
    """What a component wants to keep between steps.

    :raises ContractError: for anything else than tensors by name.
    """
    if isinstance(state, dict):
        wrong = [f"{name!r}: {_short(v)}" for name, v in state.items() if not _is_kept(name, v)]
        if not wrong:
            return state
        what = f"{{{wrong[0]}}}"
    else:
        what = _short(state)
    raise ContractError(
        f"{method}() of {named(component)} returns {what}: return a dict of tensors by name, or {{}}"
    )


def built(architecture: Architecture, data: DataSpec) -> Networks:
    """The networks of an architecture.

    :raises ContractError: for anything else than two modules.
    """
    made: Any = architecture.build(data)
    parts = list(made) if isinstance(made, (tuple, list)) else []
    if len(parts) == 2 and all(isinstance(network, torch.nn.Module) for network in parts):
        return Networks(*parts)
    what = f"({', '.join(type(part).__name__ for part in parts)})" if parts else _short(made)
    raise ContractError(
        f"build() of {named(architecture)} returns {what}: return Networks(generator, "
        "discriminator), two torch.nn.Modules"
    )


def _is_kept(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, torch.Tensor)


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
