"""A trained generator as a separate module, and as the graph of its operations."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ganbench.base.errors import ExportError, one_line
from ganbench.base.pixels import to_float, to_uint8
from ganbench.generators.export_formats import quiet
from ganbench.generators.fixed_noise import Replay
from ganbench.generators.trained import Trained
from ganbench.training.critic import call_with_labels

_LONGEST = 300


class Portable(nn.Module):
    """The content of a file. Subclasses name the inputs."""

    def __init__(
        self, trained: Trained, truncation: float | None, noise: list[Tensor], uint8: bool
    ) -> None:
        super().__init__()
        self.generator = _baked(trained.generator)
        self._architecture, self._truncation, self._uint8 = (
            trained.architecture,
            truncation,
            uint8,
        )
        self._noise = [f"noise_{number}" for number in range(len(noise))]
        for name, drawn in zip(self._noise, noise, strict=True):
            self.register_buffer(name, drawn)

    def _run(self, inputs: Tensor, labels: Tensor | None = None) -> Tensor:
        with Replay([self.get_buffer(name) for name in self._noise]):
            if self._truncation is None:
                images = call_with_labels(self.generator, inputs, labels)
            else:
                images = self._architecture.truncated(
                    self.generator, inputs, labels, self._truncation
                )
        assert isinstance(images, Tensor)
        return to_uint8(images) if self._uint8 else images.float()


class _FromLatents(Portable):
    def forward(self, latents: Tensor) -> Tensor:
        return self._run(latents)


class _FromLabels(Portable):
    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        return self._run(latents, labels)


class _FromSources(Portable):
    def forward(self, sources: Tensor) -> Tensor:
        return self._run(to_float(sources))


def portable(
    trained: Trained, truncation: float | None, noise: list[Tensor], uint8: bool
) -> nn.Module:
    kind: type[Portable] = _FromLabels if trained.classes else _FromLatents
    if trained.translates:
        kind = _FromSources
    return kind(trained, truncation, noise, uint8).eval()


def _baked(generator: nn.Module) -> nn.Module:
    """A copy without parametrizations and gradients.

    Instance norms get gains of 1 and shifts of 0 where they have none: without them, the ONNX
    exporter of PyTorch writes batch norms.
    """
    copied = copy.deepcopy(generator)
    for module in list(copied.modules()):
        if parametrize.is_parametrized(module):
            _bake(module)
        if isinstance(module, nn.modules.instancenorm._InstanceNorm) and module.weight is None:
            module.weight = nn.Parameter(torch.ones(module.num_features))
            module.bias = nn.Parameter(torch.zeros(module.num_features))
    return copied.requires_grad_(False)


def _bake(module: nn.Module) -> None:
    """Replace parametrized weights by their values.

    PyTorch's own removal changes the module's class, which a copy shares with its original.
    """
    names = list(module.get_submodule("parametrizations")._modules)
    values = {name: getattr(module, name).detach().clone() for name in names}
    module.__class__ = parametrize.type_before_parametrizations(module)
    del module.parametrizations
    for name, value in values.items():
        module.register_parameter(name, nn.Parameter(value))


def traced(
    trained: Trained, network: nn.Module, inputs: tuple[Tensor, ...]
) -> torch.export.ExportedProgram:
    """The network's operations on batches of any size."""
    batch = torch.export.Dim("batch", min=1)
    try:
        with quiet():
            program = torch.export.export(
                network, inputs, dynamic_shapes=tuple({0: batch} for _ in inputs), strict=False
            )
    except Exception as error:
        raise ExportError(
            f"the generator of trial {trained.trial} cannot be traced for all batch sizes (take "
            f"tensor.shape[0] for the batch's size, not len(tensor)): {first_line(error)}"
        ) from error
    nodes = list(_nodes(program))
    for node in nodes:
        node.meta.pop("stack_trace", None)  # paths of this machine, for every operation
    operations = {node.target for node in nodes if node.op == "call_function"}
    random = _names(op for op in operations if _draws(op))
    if random:
        raise ExportError(
            f"the generator of trial {trained.trial} draws random numbers with {random}, which "
            "ganbench cannot make constant"
        )
    foreign = _names(op for op in operations if _namespace(op) not in ("aten", "prims", ""))
    if foreign:
        raise ExportError(
            f"the generator of trial {trained.trial} has operations that PyTorch does not bring "
            f"along: {foreign}"
        )
    return program


def _nodes(program: torch.export.ExportedProgram) -> Iterator[torch.fx.Node]:
    """The nodes of the graph, and of graphs in it such as regions of one precision."""
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            yield from module.graph.nodes


def _draws(operation: Any) -> bool:
    return torch.Tag.nondeterministic_seeded in getattr(operation, "tags", ())


def _namespace(operation: Any) -> str:
    """The name of an operator; empty for other nodes, such as autocast regions."""
    return operation.namespace if isinstance(operation, torch._ops.OpOverload) else ""


def _names(operations: Iterable[Any]) -> str:
    return ", ".join(sorted(map(str, operations)))


def first_line(error: BaseException) -> str:
    """An error's message, shortened."""
    return one_line(error)[:_LONGEST]
