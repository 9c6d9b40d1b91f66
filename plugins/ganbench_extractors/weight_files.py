"""Files of weights that others publish."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ganbench import UsageError


def read_weights(path: Path) -> dict[str, Tensor]:
    """A state dict from a file. Only tensors are unpickled.

    :raises UsageError: if the file holds anything else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unusual pickles, which fail or load
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise UsageError(f"{path} has no weights: {first_line(error)}") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UsageError(f"{path} has no weights: it is not a state dict")
    return state


def with_weights(
    network: nn.Module, state: Mapping[str, Tensor], path: Path, whose: str
) -> nn.Module:
    """A network on the meta device with the weights of a file, in evaluation mode.

    :param whose: of which network the weights should be, for the message.
    :raises UsageError: if they are those of another network.
    """
    try:
        network.load_state_dict(state, assign=True)
    except RuntimeError as error:  # missing names, other shapes
        raise UsageError(
            f"{path} does not hold the weights of {whose}: {first_line(error)}"
        ) from error
    return network.eval().requires_grad_(False)


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type if the message is empty."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
