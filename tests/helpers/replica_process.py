"""Trains small cells in several processes, or in one, and keeps what they came to.

As a program, it is one of the processes: its arguments are the store's port, its rank, a file of cases
and the folder for results.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import torch
import torch.distributed as dist
from small_cells import CPU, make_cell, make_data, weights

import ganbench_regularizers.gradient_penalty as penalty
from ganbench.training.batches import TrainingData
from ganbench.training.replica_group import ReplicaGroup, connect, open_store
from ganbench.training.replicas import ALONE
from ganbench.training.streams import Streams
from ganbench.training.trainer import Trainer

STEPS = 3


def data_of(cell, case):
    if cell.data.source_channels:
        images = cell.dataset.component.load("train", Path())
        return TrainingData(cell.data, images, held_out=images)
    return make_data(size=case.get("size", 8))


def train(case, replicas=ALONE):
    """What a cell comes to in some steps.

    The random points of a gradient penalty, which are each replica's own, are in the middle.
    """
    cell = make_cell(**{k: v for k, v in case.items() if k not in ("name", "size")})
    trainer = Trainer(cell, 0, data_of(cell, case), CPU, replicas=replicas)
    with patch.object(penalty, "random_share", _middle):
        if replicas.rank == 0:
            trainer.time_steps(STEPS)
        else:
            order = replicas.next_order()
            trainer.follow(order["count"], order["train_seconds"])
    players = trainer._players
    kept = [*players.kept(), *(pool.state["images"] for pool in players.pools)]
    state = trainer.random_state()["streams"]
    return {
        "weights": weights(trainer),
        "series": torch.from_numpy(trainer.series.table()),
        "kept": torch.cat([torch.zeros(0), *(tensor.double().flatten() for tensor in kept)]),
        "shared streams": torch.cat([state[n] for n in ("latents", "flip", "crop", "pool")]),
        "own streams": torch.cat([state[name] for name in Streams.OWN]),
    }


def _middle(view, images):
    return torch.full((len(images), 1, 1, 1), 0.5)


def differentiate_twice(replicas=ALONE):
    """What a penalty on the gradient of a batch norm comes to."""
    torch.manual_seed(0)
    maps, norm = torch.randn(8, 3, 2, 2, dtype=torch.float64), torch.nn.BatchNorm2d(3).double()
    part = replicas.share(maps).requires_grad_()
    with replicas.together(1, 0.0, synchronized=True):
        loss = norm(part).pow(3).sum()
        (slope,) = torch.autograd.grad(loss, part, create_graph=True)
        slope.square().sum().backward()
    # The parameters' gradients are each replica's part; their mean is that of a mean loss.
    return {"input": replicas.gather(part.grad), "mean": norm.running_mean, "var": norm.running_var}


def train_together(cases, folder: Path, count: int = 2):
    """Case name -> what each of so many processes came to."""
    store = open_store()
    (folder / "cases.json").write_text(json.dumps(cases))
    arguments = [str(store.port), str(folder / "cases.json"), str(folder), str(count)]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, str(rank), *arguments],
            env=os.environ | {"PYTHONPATH": path, "GLOO_SOCKET_IFNAME": "lo"},
        )
        for rank in range(count)
    ]
    try:
        assert [process.wait(120) for process in processes] == [0] * count
    finally:
        for process in processes:
            process.kill()
            process.wait()
    names = [*(case["name"] for case in cases), "twice"]
    return {
        name: [torch.load(folder / f"{name}-{rank}.pt") for rank in range(count)] for name in names
    }


def main() -> None:
    rank, port, cases, folder, count = sys.argv[1:]
    torch.set_num_threads(1)
    store = connect(int(port))
    for number, case in enumerate(json.loads(Path(cases).read_text())):
        part = dist.PrefixStore(str(number), store)
        group = ReplicaGroup(part, int(rank), int(count), CPU)
        torch.save(train(case, group), Path(folder) / f"{case['name']}-{rank}.pt")
        group.leave()
    group = ReplicaGroup(dist.PrefixStore("twice", store), int(rank), int(count), CPU)
    torch.save(differentiate_twice(group), Path(folder) / f"twice-{rank}.pt")
    group.leave()


if __name__ == "__main__":
    main()
