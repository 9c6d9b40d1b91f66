"""The weights that a trial starts from, and the parameters that stay as they are."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ganbench.base.errors import UsageError, reason
from ganbench.base.files import sha256_of
from ganbench.components.architecture import Networks
from ganbench.grid.cell import Cell
from ganbench.grid.settings import NETWORKS, TrainingSettings
from ganbench.store.weights import weights_file

Weights = Mapping[str, dict[str, torch.Tensor]]

_CHECKPOINT = "/trainer/"  # before the names of tensors in a checkpoint
_AVERAGED = "averaged"


def load_initial(settings: TrainingSettings, networks: Networks, spec: str) -> Weights:
    """Copy the weights that a trial starts from into its networks.

    A file holds tensors named ``generator.NAME`` and ``discriminator.NAME``, or the state of a
    generator alone, or a checkpoint of ganbench. A network that it lacks keeps its random weights.

    :param spec: of the architecture, for messages.
    :returns: what the file holds, by network; ``averaged`` is the averaged generator.
    :raises UsageError: if names or shapes do not fit, or the file has changed.
    """
    if not settings.init:
        return {}
    file = weights_file(settings.init)
    if settings.init_sha256 and sha256_of(file) != settings.init_sha256:
        raise UsageError(f"the weights of {settings.init} have changed since the run was planned")
    found = read_weights(file)
    for name, network in zip(NETWORKS, networks, strict=True):
        if name in found:
            _check(found[name], network, f"the weights of {settings.init}", f"the {name} of {spec}")
            network.load_state_dict(found[name])
    return found


def load_averaged(found: Weights, averaged: torch.nn.Module, generator: torch.nn.Module) -> None:
    """Copy the averaged generator's weights, if there are any, and if it is not the generator itself."""
    if _AVERAGED in found and averaged is not generator:
        averaged.load_state_dict(found[_AVERAGED])


def read_weights(file: Path) -> Weights:
    """The networks' states in a safetensors file; raises UsageError for another file."""
    try:
        tensors = load_file(file)
    except (OSError, SafetensorError) as error:
        raise UsageError(f"the weights {file} cannot be read: {reason(error)}") from error
    marks = {name: (f"{_CHECKPOINT}{name}/", f"{name}.") for name in (*NETWORKS, _AVERAGED)}
    found = {
        name: {
            key.removeprefix(mark): tensor
            for mark in prefixes
            for key, tensor in tensors.items()
            if key.startswith(mark)
        }
        for name, prefixes in marks.items()
    }
    known = {name: state for name, state in found.items() if state}
    return known or {NETWORKS[0]: tensors}


def freeze(settings: TrainingSettings, networks: Networks) -> None:
    """Exempt the parameters that the settings name from training.

    Batch norm's running statistics follow the batches all the same.

    :raises UsageError: if a pattern names no parameter, or a network has nothing left to train.
    """
    for pattern in settings.freeze:
        only, colon, glob = pattern.partition(":")
        matched = [
            parameter
            for name, network in zip(NETWORKS, networks, strict=True)
            for own, parameter in network.named_parameters()
            if (not colon or name == only) and fnmatch.fnmatchcase(own, glob if colon else pattern)
        ]
        if not matched:
            raise UsageError(f"freeze={pattern} names no parameter; {_examples(networks)}")
        for parameter in matched:
            parameter.requires_grad_(False)
    for name, network in zip(NETWORKS, networks, strict=True):
        if settings.freeze and not any(p.requires_grad for p in network.parameters()):
            raise UsageError(
                f"freeze={list(settings.freeze)} leaves nothing of the {name} to train"
            )


def initial_problem(cell: Cell) -> str | None:
    """Why a cell cannot start from its weights, or freeze what it should, or None."""
    settings = cell.training.settings
    if cell.data is None or not (settings.init or settings.freeze):
        return None
    with torch.random.fork_rng(devices=[]):
        networks = Networks(*cell.architecture.component.build(cell.data))
    try:
        load_initial(settings, networks, cell.architecture.spec)
        freeze(settings, networks)
    except UsageError as error:
        return str(error)
    return None


def initial_problems(cells: Iterable[Cell]) -> list[str]:
    """The same of several cells, each sentence once."""
    found = {cell.id: initial_problem(cell) for cell in {cell.id: cell for cell in cells}.values()}
    return list(dict.fromkeys(problem for problem in found.values() if problem))


def _check(
    state: dict[str, torch.Tensor], network: torch.nn.Module, whose: str, where: str
) -> None:
    own = network.state_dict()
    problems = list(_differences(state, own))
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise UsageError(f"{whose} do not fit {where}: {problems[0]}{more}")


def _differences(
    state: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]
) -> Iterator[str]:
    for name, tensor in own.items():
        if name not in state:
            yield f"{name} is missing"
        elif state[name].shape != tensor.shape:
            yield f"{name} is {tuple(state[name].shape)}, not {tuple(tensor.shape)}"
    yield from (f"{name} is unknown there" for name in state.keys() - own.keys())


def _examples(networks: Networks) -> str:
    """A few names of parameters, for advice."""
    names = [
        f"{name}:{own}"
        for name, network in zip(NETWORKS, networks, strict=True)
        for own, _ in list(network.named_parameters())[:3]
    ]
    return f"some are {', '.join(names)}"
