"""The arithmetic of large networks on a GPU: float32 proper, or TensorFloat-32 on request."""

from __future__ import annotations

from typing import Literal

import torch

from ganbench import UsageError, option

Arithmetic = Literal["fp32", "tf32"]


def arithmetic_option() -> Arithmetic:
    """The option ``arithmetic`` of an extractor."""
    arithmetic: Arithmetic = option(
        "fp32",
        "tf32: faster on a GPU, in rounded products; distances compare within one arithmetic",
    )
    return arithmetic


def named(identity: str, arithmetic: Arithmetic, device: torch.device) -> str:
    """The identity of a network in its arithmetic.

    :raises UsageError: for tf32 on the CPU, which has no such arithmetic.
    """
    if arithmetic == "fp32":
        return identity
    if device.type != "cuda":
        raise UsageError(
            f"{identity}[arithmetic={arithmetic}] needs a GPU; leave the option out on the CPU"
        )
    return f"{identity}[arithmetic={arithmetic}]"
