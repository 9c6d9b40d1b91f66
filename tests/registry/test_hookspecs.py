"""Every kind of component has its hook, documented, and a contract that exists."""

import importlib
import inspect

import pytest

from ganbench import Component
from ganbench.base.errors import UnknownNameError
from ganbench.registry import KINDS, hookspecs, kind_of

KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=str)


@KIND
def test_every_kind_has_a_documented_hook(kind):
    hook = getattr(hookspecs, kind.hook)
    assert hook.ganbench_spec
    assert list(inspect.signature(hook).parameters) == ["register"]
    summary, _, rest = inspect.getdoc(hook).partition("\n")
    assert summary.endswith(".")
    assert ":param register:" in rest


def test_every_hook_has_its_kind():
    hooks = {name for name, value in vars(hookspecs).items() if hasattr(value, "ganbench_spec")}
    assert hooks == {kind.hook for kind in KINDS.values()}


@KIND
def test_every_kind_has_a_contract(kind):
    module, _, name = kind.contract.partition(":")
    contract = getattr(importlib.import_module(module), name)
    assert issubclass(contract, Component)
    assert contract.__doc__


def test_kinds_are_found_by_both_numbers():
    assert kind_of("loss") is kind_of("losses") is KINDS["loss"]
    with pytest.raises(UnknownNameError, match=r"'lose'; did you mean 'losses'\?$"):
        kind_of("lose")
