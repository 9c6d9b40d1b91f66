"""The contract of all components, as tests."""

from __future__ import annotations

import pickle
from typing import Any

import torch

from ganbench.components.base import Component
from ganbench.grid.settings import resolve_training
from ganbench.registry.declarations import declaration_problem, declaration_warning
from ganbench.registry.kinds import KINDS
from ganbench.registry.options import all_options, canonical_spec, create
from ganbench.registry.specs import parse_spec
from ganbench.testing.gpu_checks import check_on_gpu
from ganbench.testing.harness import check_checkpoint, check_follows_budget, own_randomness
from ganbench.testing.partners import CPU
from ganbench.training.trainer import Trainer


class ComponentTests:
    """Tests of any component; the other suites contain them.

    :cvar component: the component under test, with the options that matter.
    """

    component: Any

    def test_it_is_cheap_to_create(self) -> None:
        """Networks and data come into being in ``build`` and ``load``, not in ``__init__``."""
        cls, options = type(self.component), all_options(self.component)
        with own_randomness(f"creating {cls.__name__}"):
            made = cls(**options)
        heavy = (torch.Tensor, torch.nn.Module)
        held = [name for name, value in vars(made).items() if isinstance(value, heavy)]
        assert not held, f"{cls.__name__} holds tensors or modules: {', '.join(held)}"

    def test_its_options_can_be_written_as_a_spec(self) -> None:
        """``name[key=value]`` is how grids and result tables name it."""
        component = self.component
        spec = parse_spec(canonical_spec("it", component))
        again = create(type(component), spec.options, "it", spec.texts)
        assert again == component, f"{spec} makes {again}, not {component}"

    def test_its_options_are_declared_right(self) -> None:
        """Each has an annotation, a type that a spec can give, and a default that its type allows."""
        cls, constants = type(self.component), [kind.constants for kind in KINDS.values()]
        for problem in (
            declaration_problem(cls),
            declaration_warning(cls, frozenset().union(*constants)),
        ):
            assert problem is None, problem

    def test_it_can_be_sent_to_another_process(self) -> None:
        """By pickle, for which its class must be found in its module."""
        component = self.component
        assert pickle.loads(pickle.dumps(component)) == component, "pickling changes it"

    def test_it_recommends_settings_that_exist(self) -> None:
        """`Component.recommends` names training settings, with values that they take."""
        assert isinstance(self.component, Component)
        resolve_training([("", self.component.recommends)])


class TrainedTests(ComponentTests):
    """Tests of a component that takes part in every step of a training."""

    def test_a_checkpoint_holds_everything(self) -> None:
        """A training that went through a checkpoint goes on to the same bits as one that did not."""
        check_checkpoint(self._trainer)

    def test_it_says_whether_it_follows_the_budget(self) -> None:
        """Where `Component.follows_budget` is False, the first steps are those of every budget."""
        check_follows_budget(self.component, self._trainer)

    def test_it_trains_on_a_gpu(self) -> None:
        """On a simulated GPU: everything lies on one device, no step waits, all bits are repeatable."""
        check_on_gpu(self._trainer)

    def _trainer(self, device: torch.device = CPU) -> Trainer:
        """A training with the component."""
        raise NotImplementedError
