"""Whether methods of a component take what ganbench calls them with."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

_CONTRACTS = "ganbench.components."


def wrong_signatures(cls: type[Any]) -> Iterator[str]:
    """A sentence for each overridden method that cannot take the arguments of its contract."""
    for contract in (base for base in cls.__mro__ if base.__module__.startswith(_CONTRACTS)):
        for name, method in vars(contract).items():
            own = inspect.getattr_static(cls, name, None)
            public = inspect.isfunction(method) and not name.startswith("_")
            if public and inspect.isfunction(own) and own is not method:
                yield from _mismatch(cls, name, own, method)


def _mismatch(cls: type[Any], name: str, own: Any, method: Any) -> Iterator[str]:
    wanted = list(inspect.signature(method).parameters.values())
    given = [None for one in wanted if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    try:
        inspect.signature(own).bind(*given)
    except TypeError:
        called = ", ".join(one.name for one in wanted)
        taken = ", ".join(map(str, inspect.signature(own).parameters))
        yield (
            f"{cls.__name__}.{name} takes ({taken}), which is not what ganbench calls it with: write "
            f"def {name}({called})"
        )
