"""The real samples in one extractor: their feature set and what metrics keep of them, cached.

There is one cache for trials, ``measure`` and ``eval``. Its key is a hash of the content, the network
and the choice of samples; a metric's reference lies beside the parts under a hash of the metric.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ganbench.components.data import Modes
from ganbench.components.extractor import FeatureNetwork
from ganbench.components.metric import ChangedSamplesError, FeatureSet, NotThereError
from ganbench.errors import BrokenComponentError, StorageError
from ganbench.evaluation.features import (
    MISSING,
    POOL,
    SEED,
    choice,
    part_of,
    run_pass,
)
from ganbench.evaluation.meter import Meter, Silent
from ganbench.evaluation.moments import Moments
from ganbench.evaluation.npz import Statistics
from ganbench.evaluation.sources import Source
from ganbench.registry.info import Bound

_RECIPE = 3  # raised when what is computed or stored changes
_ROWS = ("features", "class_logits", "labels")

Tensors = Mapping[str, torch.Tensor]


class RealSide:
    """What the metrics need to know of the real samples, from the cache or from one pass.

    :param places: which of the source's listing.
    :param keep: the parts that metrics read.
    :param held_out: the test split's samples, for metrics that need them.
    :ivar warnings: sentences that a person should read, such as a cache that cannot be written.
    """

    def __init__(
        self,
        source: Source,
        places: np.ndarray,
        channels: int,
        network: FeatureNetwork,
        keep: Collection[str],
        device: torch.device,
        cache: Path,
        *,
        modes: Modes | None = None,
        held_out: RealSide | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.source, self.places, self.network = source, places, network
        self.held_out = held_out
        self.channels, self._device, self._modes = channels, device, modes
        self._keep = frozenset(keep)
        self._meter = meter or Silent()
        self._parts: dict[str, torch.Tensor] = {}
        self._references: dict[str, Tensors] = {}
        self._absent: frozenset[str] = frozenset()
        self._folder = cache / "references" / self.key
        self.warnings: list[str] = []

    @functools.cached_property
    def key(self) -> str:
        """A hash of all that decides the feature set."""
        chosen = hashlib.sha256(np.ascontiguousarray(self.places).tobytes()).hexdigest()
        content = self.source.content()
        parts = [_RECIPE, content, self.network.identity, chosen, self.channels, POOL, SEED]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def count(self) -> int:
        """Samples behind the moments."""
        return self.samples.count

    @functools.cached_property
    def remark(self) -> str:
        """Of samples that show nothing; empty where all is well."""
        self._part("mean")
        return self._remark

    @functools.cached_property
    def samples(self) -> FeatureSet:
        """The feature set; its parts are loaded when they are first read."""
        count = int(self._part("count"))
        size = min(count, POOL)
        parts: dict[str, Callable[[], Any]] = {
            "moments": self._moments,
            "features": functools.partial(self._part, "features"),
            "class_logits": functools.partial(self._part, "class_logits"),
            "labels": functools.partial(self._part, "labels"),
            "images": functools.cache(self._images),
        }
        if self._modes is not None:
            modes = self._modes
            parts["modes"] = lambda: modes
        if self.held_out is not None:
            side = self.held_out
            parts["held_out"] = lambda: side.samples.features
        return FeatureSet(count, size, self.network, self._device, parts, MISSING)

    def reference(self, metric: Bound) -> Tensors:
        """What a metric keeps of the real samples.

        :raises NotThereError: where it needs a part that is not there.
        """
        name = self._name_of(metric)
        if name not in self._references:
            path = self._folder / f"metric-{name}.safetensors"
            found = self._load_reference(path)
            if found is None:
                self._meter.begin(f"the reference of {metric.spec}")
                found = self._kept(self._made(metric))
                self._save(path, *self._unlinked(found))
            self._references[name] = found
        return self._references[name]

    def floor(self, metric: Bound, samples: int) -> Mapping[str, float]:
        """The metric of so many real samples against all others, which bounds it from below.

        Empty where there are not twice as many single features. It is kept as the references are.
        """
        size = len(self.samples.features)
        if size < 2 * samples:
            return {}
        path = self._folder / f"floor-{self._name_of(metric)}-{samples}.json"
        known = _read_numbers(path)
        if known is not None:
            return known
        order = torch.from_numpy(np.random.RandomState(SEED).permutation(size))
        chosen, rest = order[:samples].sort().values, order[samples:].sort().values
        component, needs = metric.component, metric.component.needs
        try:
            reference = component.reference(part_of(self.samples, rest).only(needs, metric.spec))
            fake = part_of(self.samples, chosen).only(needs, metric.spec)
            found = values_of(component.compute(fake, reference))
        except NotThereError:
            return {}
        _write_numbers(path, found)
        return found

    def _name_of(self, metric: Bound) -> str:
        """A hash of all that decides what is kept of a metric, but for the key of the samples."""
        name = metric_digest(metric)
        if self.held_out is None or "held_out" not in metric.component.needs:
            return name
        return hashlib.sha256(f"{name} {self.held_out.key}".encode()).hexdigest()[:32]

    def forget(self) -> None:
        """Let go of what is in memory, which a metric has spoilt."""
        self._parts.clear()
        self._references.clear()
        self.__dict__.pop("samples", None)

    def _made(self, metric: Bound) -> Tensors:
        view = self.samples.only(metric.component.needs, metric.spec)
        found = metric.component.reference(view)
        changed = view.changed()
        if changed:
            self.forget()
            raise changed_samples(metric, changed)
        return checked_reference(metric, found)

    def _moments(self) -> Moments:
        count, mean = int(self._part("count")), self._part("mean")
        rows = self._parts.get("rows")
        return Moments(count, mean, self._parts.get("cov"), rows)

    def _images(self) -> torch.Tensor:
        pool = self.places[choice(len(self.places), POOL)]
        if len(self.source.sizes) > 1:
            raise NotThereError(
                f"the images of {self.source.label} have {len(self.source.sizes)} sizes"
            )
        batches = self.source.batches(pool, self.channels, self.network.batch_size)
        return torch.cat([batch.images.to(self._device) for batch in batches])

    def _part(self, name: str) -> torch.Tensor:
        if name not in self._parts:
            group = name if name in _ROWS else "moments"
            found = self._load_part(group)
            if found is None and not self._is_absent(name):
                found = self._pass(group)
            self._parts |= found or {}
        if name not in self._parts:
            raise NotThereError(MISSING[name])
        return self._parts[name]

    def _is_absent(self, name: str) -> bool:
        """Whether an earlier pass has shown that the samples do not have this part."""
        if name in _ROWS and "mean" not in self._parts:
            self._parts |= self._load_part("moments") or {}
        return name in self._absent

    def _load_part(self, group: str) -> dict[str, torch.Tensor] | None:
        loaded = _load(self._folder / f"{group}.safetensors", self._device)
        if loaded is None:
            return None
        tensors, metadata = loaded
        if group == "moments":
            self._remark = metadata.get("remark", "")
            self._absent = frozenset(metadata.get("absent", "").split())
            self._meter.say(f"the features of {self.source.label} are known from an earlier run")
        return tensors

    def _pass(self, group: str) -> dict[str, torch.Tensor]:
        """Run the samples through the network, and keep what may be asked for later."""
        self._meter.begin(f"real: {self.source.label}", len(self.places))
        keep = (self._keep | {group}) - {"images"}
        passed = run_pass(
            self.source,
            self.places,
            self.channels,
            [self.network],
            keep,
            self._device,
            watch_sameness=True,
            tell=self._meter.advance,
        )
        found, moments = passed.sets[0], passed.sets[0].moments
        count = torch.tensor(float(moments.n), dtype=torch.float64)
        second = {"cov": moments.cov} if moments.rows is None else {"rows": moments.rows}
        self._remark = passed.remark
        groups: dict[str, Tensors] = {"moments": {"count": count, "mean": moments.mean, **second}}
        asked = [name for name in _ROWS if name in keep or name == "labels"]
        self._absent = frozenset(name for name in asked if found.lacks(name) is not None)
        for name in asked:
            if name not in self._absent:
                groups[name] = {name: getattr(found, name)}
        whole = passed.count == len(self.places)  # a broken file must not be left out for ever
        parts: dict[str, torch.Tensor] = {}
        for name, tensors in groups.items():
            parts |= self._kept(tensors)
            if whole:
                metadata = {"remark": passed.remark, "absent": " ".join(sorted(self._absent))}
                self._save(self._folder / f"{name}.safetensors", tensors, metadata)
        return parts

    def _kept(self, tensors: Tensors) -> dict[str, torch.Tensor]:
        """As they will be when they are read back, since strides decide the last bits of products."""
        return {name: self._as_loaded(tensor) for name, tensor in tensors.items()}

    def _as_loaded(self, tensor: torch.Tensor) -> torch.Tensor:
        if self._own(tensor) is not None:
            return tensor
        return tensor.detach().to(self._device).contiguous().clone()

    def _own(self, tensor: torch.Tensor) -> str | None:
        """Which part of the feature set a tensor is."""
        return next((name for name in _ROWS if self._parts.get(name) is tensor), None)

    def _unlinked(self, tensors: Tensors) -> tuple[Tensors, dict[str, str]]:
        """What has to be stored of a reference, and which of its tensors are parts."""
        links = {key: name for key, t in tensors.items() if (name := self._own(t)) is not None}
        own = {key: tensor for key, tensor in tensors.items() if key not in links}
        return own, {"links": json.dumps(links)}

    def _load_reference(self, path: Path) -> Tensors | None:
        loaded = _load(path, self._device)
        if loaded is None:
            return None
        tensors, metadata = loaded
        try:
            links = dict(json.loads(metadata["links"]))
            return tensors | {key: self._part(name) for key, name in links.items()}
        except (KeyError, TypeError, ValueError):
            return None

    def _save(self, path: Path, tensors: Tensors, metadata: dict[str, str]) -> None:
        """What cannot be kept is computed again next time, and must not be lost now."""
        try:
            _save(path, tensors, metadata)
        except (OSError, StorageError) as error:
            reason = getattr(error, "strerror", None) or error
            sentence = f"the features of {self.source.label} cannot be kept: {reason}"
            if sentence not in self.warnings:
                self.warnings.append(sentence)


class PublishedSide:
    """Published statistics in place of real samples."""

    held_out = None
    remark = ""

    def __init__(
        self, label: str, statistics: Statistics, network: FeatureNetwork, device: torch.device
    ) -> None:
        width = len(statistics.mean)  # the number is not published, so the rank may be full
        moments = Moments(width + 1, statistics.mean.to(device), statistics.cov.to(device))
        missing = dict.fromkeys(
            (*MISSING, "features", "images"), "published statistics hold no single features"
        )
        self.label, self.count = label, 0
        self.samples = FeatureSet(0, 0, network, device, {"moments": lambda: moments}, missing)
        self.warnings: list[str] = []
        self._references: dict[str, Tensors] = {}

    def reference(self, metric: Bound) -> Tensors:
        """As in `RealSide`."""
        name = metric_digest(metric)
        if name not in self._references:
            view = self.samples.only(metric.component.needs, metric.spec)
            self._references[name] = checked_reference(metric, metric.component.reference(view))
        return self._references[name]

    def forget(self) -> None:
        """As in `RealSide`."""
        self._references.clear()

    def floor(self, metric: Bound, samples: int) -> Mapping[str, float]:
        """Not known."""
        return {}


def changed_samples(metric: Bound, names: Collection[str]) -> ChangedSamplesError:
    """The error for a metric that writes where others read."""
    return ChangedSamplesError(
        f"metric {metric.spec} changes {', '.join(names)} in place, which other metrics read too: "
        "it must work on a copy, such as x = features.clone()"
    )


def checked_reference(metric: Bound, found: Any) -> Tensors:
    """What a metric keeps, if it is as promised; raises BrokenComponentError."""
    tensors = isinstance(found, Mapping) and found.values()
    if tensors is False or not all(isinstance(one, torch.Tensor) for one in tensors):
        raise BrokenComponentError(
            f"the reference of metric {metric.spec} must be a dict of name -> tensor, not {found!r:.200}"
        )
    return {str(name): tensor for name, tensor in found.items()}


def metric_digest(metric: Bound) -> str:
    """A hash of a metric with its options, its recipe and its code."""
    parts = [metric.identity(), metric.component.recipe, metric.info.source]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def values_of(found: Any) -> dict[str, float]:
    """What `Metric.compute` gives, as numbers."""
    values = getattr(found, "values", found)
    return {str(k): float(v) for k, v in (values if isinstance(values, Mapping) else found).items()}


def _load(
    path: Path, device: torch.device
) -> tuple[dict[str, torch.Tensor], dict[str, str]] | None:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone().to(device) for name in file.keys()}  # noqa: SIM118
            return tensors, dict(file.metadata() or {})
    except (OSError, KeyError, TypeError, ValueError, SafetensorError):
        return None  # absent or damaged: computed again


def _save(path: Path, tensors: Tensors, metadata: dict[str, str]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(ready, temporary, metadata)
        os.replace(temporary, path)
    except SafetensorError as error:
        raise StorageError(f"cannot write to {path.parent}: {error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _read_numbers(path: Path) -> dict[str, float] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): math.nan if v is None else float(v) for name, v in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _write_numbers(path: Path, numbers: Mapping[str, float]) -> None:
    ready = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError):  # what cannot be kept is computed again next time
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(json.dumps(ready), encoding="utf-8")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
