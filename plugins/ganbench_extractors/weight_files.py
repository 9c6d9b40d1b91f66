"""Files of weights that others publish: their sha256, and their tensors."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from pathlib import Path

import torch
from torch import Tensor

from ganbench import UsageError


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: Path) -> dict[str, Tensor]:
    """A state dict from a file, of which nothing but tensors is unpickled.

    :raises UsageError: if the file holds anything else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd pickles, which fail or turn out not to be odd
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise UsageError(f"{path} holds no weights: {first_line(error)}") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UsageError(f"{path} holds no weights: it is no state dict")
    return state


def first_line(error: Exception) -> str:
    """What an error says, or its name if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
