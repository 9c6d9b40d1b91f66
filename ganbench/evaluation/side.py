"""One side of a comparison: its images through the feature network once, in bounded memory.

Moments take every image. The other metrics need single features; those of at most `POOL` images,
chosen once for all by a fixed seed, are kept in memory or in a temporary file (see `rows`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ganbench.components.extractor import FeatureNetwork
from ganbench.errors import StorageError, UsageError
from ganbench.evaluation.features import full_precision
from ganbench.evaluation.frechet import MomentAccumulator, Moments, Reference
from ganbench.evaluation.prdc import neighbour_radii
from ganbench.evaluation.rows import Rows
from ganbench.evaluation.sameness import Sameness
from ganbench.evaluation.sources import Source

#: Images of a side whose features are kept, for every metric but the Fréchet distance.
POOL = 100_000
#: Of choices that belong to the protocol, as in torch-fidelity.
SEED = 2020
_RECIPE = 2  # raised when what is computed or stored changes


@dataclass(frozen=True)
class Side:
    """What the metrics need to know of one side.

    :ivar count: images behind the moments.
    :ivar moments: of all features.
    :ivar features: of the images in the pool, in the order of their listing; empty if not kept.
    :ivar logits: the same; None without, or if not kept.
    :ivar stored: where what is expensive to work out may be kept; None if nowhere.
    :ivar remark: of images that show nothing (see `Sameness`); empty where all is well.
    """

    count: int
    moments: Moments
    features: Rows
    logits: Rows | None = None
    stored: Path | None = None
    remark: str = ""

    @cached_property
    def reference(self) -> Reference:
        """The moments with a root of the covariance; of few images exact in their features."""
        if self.count <= len(self.moments.mean) and len(self.features) == self.count:
            return Reference.from_features(self.features.all().to(self.moments.mean.device))
        return Reference.from_moments(self.moments)

    def chosen(self, most: int) -> np.ndarray:
        """Indices of at most ``most`` features, by a fixed seed."""
        return choice(len(self.features), most)

    def radii(self, most: int, k: int) -> torch.Tensor:
        """(m,) distances of the `chosen` features to their k-th neighbour, from the cache if there."""
        path = None
        if self.stored is not None:
            path = self.stored.with_name(f"{self.stored.name}-radii-{most}-{k}.safetensors")
            known = _load_radii(path)
            if known is not None and len(known) == min(most, len(self.features)):
                return known
        features = self.features.take(self.chosen(most)).to(self.moments.mean.device)
        radii = neighbour_radii(features, k).cpu()
        if path is not None:
            _save({"radii": radii}, path, {})
        return radii


def summarize(
    source: Source,
    places: np.ndarray,
    channels: int,
    network: FeatureNetwork,
    device: torch.device,
    folder: Path,
    keep: bool,
    keep_logits: bool,
    tell: Callable[[int], None],
) -> Side:
    """Run a source's images through the network.

    :param places: which of its listing.
    :param folder: for temporary files.
    :param tell: told the number of images of each batch.
    :raises UsageError: for features that are not finite, or fewer than 2 images.
    """
    pool = np.zeros(source.count, dtype=bool)
    pool[places[choice(len(places), POOL)]] = keep or keep_logits
    rank = np.cumsum(pool) - 1
    kept = int(pool.sum())
    accumulator, sameness = MomentAccumulator(), Sameness()
    features: Rows | None = None
    logits: Rows | None = None
    with torch.no_grad(), full_precision():
        for positions, images in source.batches(places, channels, network.batch_size):
            sameness.add(images)
            answer = network.forward(images.to(device, non_blocking=True))
            batch = answer.features.float()
            accumulator.update(batch)
            if features is None:
                features = Rows(kept if keep else 0, batch.shape[1], folder)
                if answer.logits is not None and keep_logits:
                    logits = Rows(kept, answer.logits.shape[1], folder)
            mine = pool[positions]
            if keep:
                features.put(rank[positions[mine]], batch[torch.from_numpy(mine).to(device)])
            if logits is not None and answer.logits is not None:
                chosen = answer.logits[torch.from_numpy(mine).to(device)]
                logits.put(rank[positions[mine]], chosen)
            tell(len(positions))
    if features is None or accumulator.n < 2:
        raise UsageError(
            f"{source.label} has {accumulator.n or 'no'} image{'' if accumulator.n else 's'} that can "
            "be read; a comparison needs at least 2"
        )
    try:
        moments = accumulator.moments()
    except ValueError:
        raise UsageError(f"some features of {source.label} are not finite") from None
    return Side(accumulator.n, moments, features, logits, remark=sameness.remark())


def choice(count: int, most: int) -> np.ndarray:
    """At most ``most`` of ``count`` indices, ascending, by a fixed seed."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.RandomState(SEED).choice(count, most, replace=False))


def reference_key(content: str, network: FeatureNetwork, places: np.ndarray, channels: int) -> str:
    """The name of a cached side: a hash of all that decides it."""
    chosen = hashlib.sha256(np.ascontiguousarray(places).tobytes()).hexdigest()
    parts = [_RECIPE, content, network.identity, len(places), chosen, channels, POOL, SEED]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def load_side(path: Path, keep: bool, device: torch.device) -> Side | None:
    """A side from the cache; None if it is not there, damaged, or without the features asked for."""
    try:
        with safe_open(f"{path}.safetensors", framework="pt") as file:
            numbers = json.loads(file.metadata()["numbers"])
            names = file.keys()
            tensors = {name: file.get_tensor(name).clone().to(device) for name in names}
        count, pool = int(numbers["count"]), int(numbers["pool"])
        remark = str(numbers["remark"])
        width = len(tensors["mean"])
        moments = Moments(count, tensors["mean"], tensors["cov"])
        features = Rows(0, width, path.parent)
        if keep:
            features = Rows.stored(Path(f"{path}.rows"), pool, width)
    except (OSError, KeyError, TypeError, ValueError, SafetensorError):
        return None
    side = Side(count, moments, features, stored=path, remark=remark)
    side.__dict__["reference"] = Reference(moments, tensors["root"])
    return side


def save_side(path: Path, side: Side) -> None:
    """Put a side into the cache; its features as well, if they were kept."""
    tensors = {
        "mean": side.moments.mean,
        "cov": side.moments.cov,
        "root": side.reference.root,
    }
    numbers = json.dumps({"count": side.count, "pool": len(side.features), "remark": side.remark})
    path.parent.mkdir(parents=True, exist_ok=True)
    if len(side.features):
        side.features.save(Path(f"{path}.rows"))
    _save(tensors, Path(f"{path}.safetensors"), {"numbers": numbers})


def _save(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    ready = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(ready, temporary, metadata)
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StorageError.of(path.parent, error) from None
        raise StorageError(f"cannot write to {path.parent}: {error}") from None


def _load_radii(path: Path) -> torch.Tensor | None:
    try:
        with safe_open(path, framework="pt") as file:
            radii: torch.Tensor = file.get_tensor("radii").clone()
            return radii
    except (OSError, KeyError, ValueError, SafetensorError):
        return None
