"""Statistics of real samples: computed once for a data set, extractor and protocol, then cached."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ganbench.components.data import ImageData
from ganbench.components.extractor import FeatureNetwork
from ganbench.evaluation.features import Pass
from ganbench.evaluation.frechet import Moments, Reference
from ganbench.evaluation.prdc import neighbour_radii

#: Raised when what is computed or stored changes.
_VERSION = 2


@dataclass(frozen=True)
class RealStatistics:
    """What the metrics need to know of the real samples.

    :ivar count: real samples behind the moments.
    :ivar reference: moments with a root of the covariance, for the Fréchet distance.
    :ivar features: (m, d) features of the first m real samples in a fixed random order, for KID and
        PRDC.
    :ivar radii: (p,) distances to the k-th neighbour among the first p features.
    :ivar labels: (m,) the classes of the m features, or None where there are none.
    """

    count: int
    reference: Reference
    features: torch.Tensor
    radii: torch.Tensor
    labels: torch.Tensor | None = None


@dataclass(frozen=True)
class Protocol:
    """How many real samples stand behind each metric."""

    split: str
    count: int
    kept: int
    prdc_samples: int
    prdc_k: int

    def key(self, content: str, network: FeatureNetwork) -> str:
        """The name of the cached statistics: a hash of all that decides them."""
        parts = [_VERSION, content, network.identity, *vars(self).values()]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


#: count -> batches of real samples in a fixed random order, as the network wants them, each with its
#: (batch,) labels or None.
RealSamples = Callable[[int], Iterator[tuple[torch.Tensor, torch.Tensor | None]]]


def real_statistics(
    samples: RealSamples,
    content: str,
    network: FeatureNetwork,
    protocol: Protocol,
    cache: Path,
) -> RealStatistics:
    """Cached or fresh statistics.

    :param content: hash of the data set's content.
    """
    path = cache / "references" / f"{protocol.key(content, network)}.safetensors"
    cached = _load(path)
    if cached is None:
        computed = _compute(samples, network, protocol)
        # What cannot be kept is computed again next time, and must not be lost now.
        with contextlib.suppress(OSError, SafetensorError):
            _save(path, computed)
        # Read back, since strides and alignment decide the last bits of later products.
        cached = _load(path) or computed
    return cached


def content_hash(data: ImageData) -> str:
    """A hash of a split's images and labels."""
    digest = hashlib.sha256(repr((tuple(data.images.shape), str(data.images.dtype))).encode())
    digest.update(data.images.cpu().contiguous().numpy().data)
    if data.labels is not None:
        digest.update(data.labels.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _compute(samples: RealSamples, network: FeatureNetwork, protocol: Protocol) -> RealStatistics:
    labels: list[torch.Tensor] = []

    def images() -> Iterator[torch.Tensor]:
        for batch, classes in samples(protocol.count):
            if classes is not None:
                labels.append(classes)
            yield batch

    features = Pass(network).run(images()).features
    neighbours = features[: protocol.prdc_samples]
    enough = len(neighbours) > protocol.prdc_k
    return RealStatistics(
        count=len(features),
        reference=Reference.from_features(features),
        features=features[: protocol.kept].clone(),
        radii=neighbour_radii(neighbours, protocol.prdc_k) if enough else features.new_empty(0),
        labels=torch.cat(labels)[: protocol.kept].clone() if labels else None,
    )


def _load(path: Path) -> RealStatistics | None:
    try:
        with safe_open(path, framework="pt") as file:
            count = int(file.metadata()["count"])
            names = file.keys()
            tensors = {name: file.get_tensor(name).clone() for name in names}
        moments = Moments(count, tensors["mean"], tensors["cov"])
        reference = Reference(moments, tensors["root"])
        features, radii = tensors["features"], tensors["radii"]
        return RealStatistics(count, reference, features, radii, tensors.get("labels"))
    except (OSError, KeyError, TypeError, ValueError, SafetensorError):
        return None  # absent or damaged: computed afresh


def _save(path: Path, statistics: RealStatistics) -> None:
    moments = statistics.reference.moments
    tensors = {
        "mean": moments.mean,
        "cov": moments.cov,
        "root": statistics.reference.root,
        "features": statistics.features,
        "radii": statistics.radii,
    }
    if statistics.labels is not None:
        tensors["labels"] = statistics.labels
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        save_file(
            {name: tensor.cpu().contiguous() for name, tensor in tensors.items()},
            temporary,
            {"count": str(statistics.count)},
        )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
