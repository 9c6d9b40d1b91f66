"""Several processes that train one trial, joined by `torch.distributed`.

Each of them takes its part of every batch. After a player's backward pass they average its gradients in
one sum. `DistributedDataParallel` is not used: it averages within the backward pass, by hooks that count
the parameters in it. A backward pass that leaves parameters out, such as that of a penalty's gradient or
of a network that grows, then ends without an average, silently (pytorch/pytorch#47562). It would also
hide the methods and attributes of a network from its architecture.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from ganbench.base.errors import ReplicaLostError, one_line
from ganbench.training.replicas import Replicas
from ganbench.training.synchronized import placed, synchronized_statistics

#: Within a step, no process keeps another one waiting for so long.
TIMEOUT = timedelta(minutes=10)
HOST = "127.0.0.1"
_FOREVER = timedelta(days=365)
_KEPT = 100  # orders that stay in the store; no process is so far behind

Order = dict[str, Any]


def open_store() -> Any:
    """A store for the processes of a trial, which have to be on this machine; it knows its port."""
    return TCPStore(HOST, 0, is_master=True, wait_for_workers=False)


def connect(port: int) -> Any:
    """The store that another process has opened."""
    return TCPStore(HOST, port)


class ReplicaGroup(Replicas):
    """The processes of a trial; each makes one, with the same store.

    Process 0 leads: it puts orders into the store, one after another, and the others read them. An
    order has ``do``: ``steps`` (with ``count``, 0 for a warm-up, and ``train_seconds``), ``random``
    (hand over the random state), ``restored`` (read the newest checkpoint, made after ``steps``) or
    ``end``.

    :param store: connects all processes, see `open_store`.
    :param all_live: whether no other process has ended, as far as this one can know.
    """

    def __init__(
        self,
        store: Any,
        rank: int,
        count: int,
        device: torch.device,
        all_live: Callable[[], bool] = lambda: True,
    ) -> None:
        self.rank, self.count = rank, count
        self._store, self._orders, self._all_live = store, 0, all_live
        self.on_gpu = device.type == "cuda"
        dist.init_process_group(
            "nccl" if self.on_gpu and dist.is_nccl_available() else "gloo",
            store=store,
            rank=rank,
            world_size=count,
            timeout=TIMEOUT,
        )

    def share(self, batch: torch.Tensor, dim: int = 0) -> torch.Tensor:
        return batch.chunk(self.count, dim)[self.rank]

    def gather(self, part: torch.Tensor) -> torch.Tensor:
        return placed(part.detach(), self.rank, self.count, self._add_up).flatten(0, 1)

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        for group in _by_type(gradients):
            flat = torch.cat([gradient.reshape(-1) for gradient in group])
            self._add_up(flat)
            _copy(flat.div_(self.count), group)

    def agree(self, tensors: Iterable[torch.Tensor]) -> None:
        floats = [tensor.detach() for tensor in tensors if tensor.is_floating_point()]
        if floats:
            # In float64, the mean of equal float32 numbers is that number.
            flat = torch.cat([tensor.double().reshape(-1) for tensor in floats])
            self._add_up(flat)
            _copy(flat.div_(self.count), floats)

    def start_alike(self, tensors: Iterable[torch.Tensor]) -> None:
        for tensor in tensors:
            with _reported():
                dist.broadcast(tensor.detach(), 0)

    @contextlib.contextmanager
    def together(self, steps: int, train_seconds: float, synchronized: bool) -> Iterator[None]:
        self._tell({"do": "steps", "count": steps, "train_seconds": train_seconds})
        with synchronized_statistics(self.rank, self.count, self._add_up, synchronized):
            yield

    def others_random_states(self) -> list[dict[str, Any]]:
        self._tell({"do": "random"})
        keys = [f"random/{self._orders}/{rank}" for rank in range(1, self.count)]
        with _reported():
            while not self._store.check(keys):
                if not self._all_live():
                    raise ReplicaLostError("a replica ended between two steps")
                time.sleep(0.002)
            texts = [self._store.get(key) for key in keys]
            for key in keys:
                self._store.delete_key(key)
        return [json.loads(text, object_hook=_decoded) for text in texts]

    def restored(self, steps: int) -> None:
        self._tell({"do": "restored", "steps": steps})

    def next_order(self) -> Order:
        """The next order of process 0; waits for it, as long as an evaluation takes."""
        self._orders += 1
        key = f"order/{self._orders}"
        with _reported():
            self._store.wait([key], _FOREVER)
            order: Order = json.loads(self._store.get(key))
        return order

    def hand_over(self, state: dict[str, Any]) -> None:
        """Answer the order ``random``."""
        content = json.dumps(state, default=_encoded)
        with _reported():
            self._store.set(f"random/{self._orders}/{self.rank}", content)

    def end(self) -> None:
        """Let the other processes end."""
        self._tell({"do": "end"})

    def leave(self) -> None:
        """Leave the group, so that this process can join another one."""
        dist.destroy_process_group()

    def _tell(self, order: Order) -> None:
        if self.rank == 0:
            self._orders += 1
            with _reported():
                self._store.set(f"order/{self._orders}", json.dumps(order))
                self._store.delete_key(f"order/{self._orders - _KEPT}")

    def _add_up(self, tensor: torch.Tensor) -> None:
        with _reported():
            dist.all_reduce(tensor)


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    """Name the failure of a connection: another process has ended, or does not answer."""
    try:
        yield
    except RuntimeError as error:
        raise ReplicaLostError(f"the replicas lost their connection: {one_line(error)}") from error


def _by_type(tensors: list[torch.Tensor]) -> list[list[torch.Tensor]]:
    """The tensors in groups of one type; one tensor cannot hold several."""
    groups: dict[torch.dtype, list[torch.Tensor]] = {}
    for tensor in tensors:
        groups.setdefault(tensor.dtype, []).append(tensor)
    return list(groups.values())


def _copy(flat: torch.Tensor, tensors: list[torch.Tensor]) -> None:
    parts = flat.split([tensor.numel() for tensor in tensors])
    with torch.no_grad():
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view(tensor.shape))


def _encoded(value: Any) -> Any:
    """Random states are tensors of bytes."""
    return {"bytes": value.tolist()}


def _decoded(value: dict[str, Any]) -> Any:
    return torch.tensor(value["bytes"], dtype=torch.uint8) if [*value] == ["bytes"] else value
