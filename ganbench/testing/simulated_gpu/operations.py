"""What is known of single operations: which ones make the host wait, and which ones differ between runs.

Sources: the documentation of `torch.use_deterministic_algorithms`, and the calls of
``alertNotDeterministic`` and of synchronizing copies in PyTorch's ``ATen/native/cuda``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

Call = tuple[Sequence[Any], Mapping[str, Any]]

_KEEP = "keep the value in a tensor, and let the operations that follow compute with it"
_SHAPE = "its result has a shape that depends on values; use torch.where or a product with a mask"
_ERRORS = "it checks its result on the host; use a form without checks, such as an _ex function"

#: Operations that read values of the device on the host -> what to use instead.
WAITS = {
    "_local_scalar_dense": _KEEP,
    "equal": "use (a == b).all(), and keep the value in a tensor",
    "is_nonzero": _KEEP,
    **dict.fromkeys(("nonzero", "masked_select", "argwhere"), _SHAPE),
    **dict.fromkeys(("_unique2", "unique_dim", "unique_consecutive", "_unique"), _SHAPE),
    "bincount": "give torch.zeros(n) to scatter_add_",
    "histc": "give torch.zeros(n) to scatter_add_",
    "_linalg_check_errors": _ERRORS,
    "_linalg_eigh": "it runs partly on the host; keep it out of a step",
    "linalg_eig": "it runs partly on the host; keep it out of a step",
    "_ctc_loss": "it reads the lengths on the host",
}
MASK = "a mask as index reads its number of values on the host; use torch.where or a product"

_PAD = "pad by slices and torch.cat, as in torch.cat([x[..., 1:2].flip(-1), x], -1)"
_POOL = "use a mean or a maximum over reshaped blocks, or avg_pool2d"
_RESIZE = "use mode='nearest', or a product with a matrix of weights"
_SAMPLE = "resample by products with matrices of weights"
_ATTENTION = "choose torch.nn.attention.SDPBackend.MATH, or write out softmax and products"

#: Operations without a deterministic form on a GPU -> what to use instead.
NEVER = {
    **dict.fromkeys(
        (
            "adaptive_avg_pool2d_backward",
            "_adaptive_avg_pool2d_backward",
            "_adaptive_avg_pool3d_backward",
            "adaptive_avg_pool3d_backward",
            "avg_pool3d_backward",
            "adaptive_max_pool2d_backward",
            "adaptive_max_pool3d_backward",
            "max_pool2d_with_indices_backward",
            "fractional_max_pool2d_backward",
            "fractional_max_pool3d_backward",
            "max_unpool2d",
            "max_unpool3d",
        ),
        _POOL,
    ),
    **dict.fromkeys((f"reflection_pad{n}d_backward" for n in (1, 2, 3)), _PAD),
    **dict.fromkeys((f"replication_pad{n}d_backward" for n in (1, 2, 3)), _PAD),
    **dict.fromkeys(
        (
            "upsample_linear1d_backward",
            "upsample_bilinear2d_backward",
            "upsample_bicubic2d_backward",
            "upsample_trilinear3d_backward",
            "_upsample_bilinear2d_aa_backward",
            "_upsample_bicubic2d_aa_backward",
        ),
        _RESIZE,
    ),
    **dict.fromkeys(("grid_sampler_2d_backward", "grid_sampler_3d_backward"), _SAMPLE),
    **dict.fromkeys(
        (
            "_scaled_dot_product_flash_attention_for_cpu_backward",
            "_scaled_dot_product_efficient_attention_backward",
        ),
        _ATTENTION,
    ),
    **dict.fromkeys(("nll_loss2d_forward", "nll_loss2d_backward"), "flatten to (n, classes) first"),
    "_ctc_loss_backward": "compute this loss on the CPU",
    **dict.fromkeys(("put_", "put"), "use index_copy"),
    **dict.fromkeys(
        ("cumprod", "cumprod_"), "add up logarithms by a product with a triangular matrix"
    ),
    **dict.fromkeys(("kthvalue", "median"), "sort, and take a place of the sorted values"),
}
#: Operations with a deterministic form that torch.use_deterministic_algorithms chooses.
ON_REQUEST = frozenset(
    {
        *("index_add", "index_add_", "index_copy", "index_copy_", "scatter_add", "scatter_add_"),
        *("scatter_reduce", "scatter_reduce_", "index_reduce", "index_reduce_"),
        "max_pool3d_with_indices_backward",
    }
)
_SWITCH = "call torch.use_deterministic_algorithms(True, warn_only=True) first"

#: Operations that may mix a CPU tensor and a GPU tensor of any shape.
MIX_FREELY = frozenset({"copy_", "_to_copy", "_foreach_copy_", "set_"})
INDEXING = frozenset({"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"})
#: Operations, beside pointwise ones, that take a number as a CPU tensor without dimensions.
_TAKE_NUMBERS = frozenset(
    {
        *("where", "masked_fill", "masked_fill_", "fill_", "lerp", "lerp_"),
        *("_foreach_mul_", "_foreach_mul", "_foreach_div_", "_foreach_div"),
        *("_foreach_add_", "_foreach_add", "_foreach_lerp_", "_foreach_lerp"),
    }
)


#: Arguments that an operation writes into although its schema does not say so.
_HIDDEN_WRITES = dict.fromkeys(("native_batch_norm", "cudnn_batch_norm"), (3, 4))


@dataclass(frozen=True)
class Operation:
    """What is known of one operation.

    :ivar name: without its overload, as in ``max_pool2d_with_indices_backward``.
    :ivar takes_numbers: whether a CPU tensor without dimensions may meet tensors of the GPU.
    :ivar draws: whether it draws random numbers.
    :ivar writes: positions of the arguments that it writes into.
    :ivar is_view: whether its result shares memory with an argument, and nothing is computed.
    """

    name: str
    takes_numbers: bool
    draws: bool
    writes: tuple[int, ...]
    is_view: bool
    _wait: str | None
    _unstable: Callable[[Sequence[Any], Mapping[str, Any]], str | None] | None

    def wait(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
        """What to use instead if the call makes the host wait."""
        if self.name == "repeat_interleave":
            known = kwargs.get("output_size") is not None
            return None if known else "name output_size, which else is read on the host"
        return self._wait

    def unstable(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
        """What to use instead if the call gives other bits in every run on a GPU."""
        return None if self._unstable is None else self._unstable(args, kwargs)


@functools.cache
def operation(func: Any) -> Operation:
    """What is known of an overload."""
    schema = func._schema
    name = schema.name.split("::")[-1]
    arguments = schema.arguments
    writes = tuple(
        position
        for position, argument in enumerate(arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    shares = any(
        one.alias_info is not None and not one.alias_info.is_write for one in schema.returns
    )
    return Operation(
        name,
        takes_numbers=torch.Tag.pointwise in func.tags or name in _TAKE_NUMBERS,
        draws=torch.Tag.nondeterministic_seeded in func.tags,
        writes=writes + _HIDDEN_WRITES.get(name, ()),
        is_view=shares and not writes,
        _wait=WAITS.get(name),
        _unstable=_unstable(name),
    )


def _unstable(name: str) -> Callable[[Sequence[Any], Mapping[str, Any]], str | None] | None:
    if name in NEVER:
        return lambda args, kwargs: NEVER[name]
    if name in ("cumsum", "cumsum_"):
        return lambda args, kwargs: _sums(args)
    if name in ("scatter", "scatter_"):
        return lambda args, kwargs: _by_request() if _writes_tensor(args, kwargs) else None
    if name in INDEXING - {"index", "_unsafe_index"}:
        return lambda args, kwargs: None if _adds(args, kwargs) else _by_request()
    if name in ON_REQUEST:
        return lambda args, kwargs: _by_request()
    return None


def _by_request() -> str | None:
    return None if torch.are_deterministic_algorithms_enabled() else _SWITCH


def _sums(args: Sequence[Any]) -> str | None:
    """Sums of integers are exact in any order."""
    whole = not (args[0].is_floating_point() or args[0].is_complex())
    return None if whole else "use a product with a triangular matrix of ones"


def _writes_tensor(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    value = args[3] if len(args) > 3 else kwargs.get("src")
    return isinstance(value, torch.Tensor)


def _adds(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """``accumulate=True`` sorts the indices first, always."""
    return bool(args[3] if len(args) > 3 else kwargs.get("accumulate", False))
