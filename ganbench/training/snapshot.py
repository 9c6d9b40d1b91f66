"""Steps on trial: everything that a step may change is put back afterwards, in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from ganbench.training.batches import Batches
from ganbench.training.optimizers import PlayerOptimizer
from ganbench.training.players import Players
from ganbench.training.streams import global_random_state, restore_global_random_state

_CPU = torch.device("cpu")
_States = dict[str, torch.Tensor]


class Snapshot:
    """The state of a training, in the host's memory: a trial step must not need more of the device's.

    :param players: everything that a step updates.
    """

    def __init__(self, players: Players, device: torch.device) -> None:
        self._players, self._device = players, device
        self._states = [(state, dict(state)) for state in players.states()]
        self._tensors = {id(t): (name, t, _copy(t)) for name, t in _changing(players)}
        self._streams = players.streams.state_dict()
        self._globals = global_random_state(device)
        self._seen = [pool.seen for pool in players.pools]
        self._numbers = [(one, one.numbers()) for one in _optimizers(players)]

    def restore(self) -> None:
        """Put everything back where it was; what an optimizer keeps since then begins again."""
        players = self._players
        for state, before in self._states:
            state.clear()
            state.update(before)
        with torch.no_grad():
            for _, tensor, copy in self._tensors.values():
                tensor.copy_(copy)
        for optimizer, numbers in self._numbers:
            optimizer.zero_grad()
            for kept in optimizer.state.values():
                if not any(id(value) in self._tensors for value in kept.values()):
                    optimizer.reset(kept)
            optimizer.set_numbers(numbers)
        players.streams.load_state_dict(self._streams)
        restore_global_random_state(self._globals, self._device)
        for pool, seen in zip(players.pools, self._seen, strict=True):
            pool.resume(seen)

    def difference(self, other: Snapshot) -> str | None:
        """The name of something whose bits differ in another snapshot of the same training, or None."""
        for key in self._tensors.keys() | other._tensors.keys():
            name, _, mine = self._tensors.get(key) or other._tensors[key]
            if key not in self._tensors or key not in other._tensors:
                return name
            if not same_bits(mine, other._tensors[key][2]):
                return name
        for name, state in self._streams.items():
            if not torch.equal(state, other._streams[name]):
                return f"the random stream of {name}"
        if _comparable(self._globals) != _comparable(other._globals):
            return "the global random state"
        return None


class Rehearsal:
    """The context of steps on trial; afterwards the training is where it was, batches included."""

    def __init__(self, players: Players, batches: Batches, device: torch.device) -> None:
        self._batches, self._device, self._players = batches, device, players

    def __enter__(self) -> Rehearsal:
        self._before = Snapshot(self._players, self._device)
        self._batches.mark()
        return self

    def back(self) -> None:
        """Go back to the beginning."""
        self._batches.rewind()
        self._before.restore()

    def now(self) -> Snapshot:
        """The state after the steps so far."""
        return Snapshot(self._players, self._device)

    def __exit__(self, *error: object) -> None:
        self.back()
        self._batches.release()


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors hold the same values; NaN equals NaN."""
    return torch.equal(a, b) or (
        a.shape == b.shape and bool(torch.isclose(a, b, rtol=0, atol=0, equal_nan=True).all())
    )


def _optimizers(players: Players) -> tuple[PlayerOptimizer, PlayerOptimizer]:
    return players.g_optimizer, players.d_optimizer


def _changing(players: Players) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor that a step may change, by name."""
    for player, module in players.modules().items():
        tensors = (*module.named_parameters(), *module.named_buffers())
        yield from ((f"{name} of the {player}", tensor) for name, tensor in tensors)
    for player, optimizer in zip("gd", _optimizers(players), strict=True):
        for kept in optimizer.state.values():
            yield from (
                (f"{name} of the {player} optimizer", value)
                for name, value in kept.items()
                if isinstance(value, torch.Tensor)
            )
    for state in players.states():
        yield from ((f"the state {name!r} of a component", t) for name, t in state.items())
    yield from (("a pool of generated images", pool.state["images"]) for pool in players.pools)


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to(_CPU, copy=True)


def _comparable(state: dict[str, Any]) -> list[Any]:
    return [v.tolist() if isinstance(v, torch.Tensor) else v for v in state.values()]
