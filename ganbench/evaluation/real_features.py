"""The real samples in one extractor: their feature set and the metrics' references, cached.

Trials, ``measure`` and ``eval`` share one cache. Its key is a hash of the content, the network, the
choice of samples, the kind of device and its arithmetic. A metric's reference lies beside the parts,
under a hash of the metric.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError

from ganbench.base.errors import StorageError
from ganbench.base.files import json_digest, storage_errors, write_atomically
from ganbench.base.tensor_files import load_tensors, save_tensors
from ganbench.components.data import Modes
from ganbench.components.extractor import FeatureNetwork
from ganbench.components.metric import FeatureSet, NotThereError
from ganbench.evaluation.features import (
    MISSING,
    POOL,
    SEED,
    choice,
    part_of,
    run_pass,
)
from ganbench.evaluation.metric_references import (
    Tensors,
    changed_samples,
    checked_reference,
    metric_digest,
    values_of,
)
from ganbench.evaluation.moments import Moments
from ganbench.evaluation.progress_meter import Meter
from ganbench.evaluation.sources import Source
from ganbench.registry.info import ResolvedComponent

_RECIPE = 3  # raise it when the computation or the stored parts change
_ROWS = ("features", "class_logits", "labels")


@dataclass(frozen=True)
class RealSettings:
    """How an evaluation reads its real samples.

    :ivar channels: of the images that the networks see.
    :ivar keep: the parts that metrics read.
    :ivar modes: of the data, if known.
    :ivar most: number of samples, a fixed choice; None for all.
    """

    channels: int
    keep: frozenset[str]
    device: torch.device
    cache: Path
    modes: Modes | None = None
    most: int | None = None
    meter: Meter = field(default_factory=Meter)


class RealFeatures:
    """The real samples as metrics read them, from the cache or from one pass.

    :param held_out: the test split's samples, for metrics that need them.
    :param places: positions in the source's listing; by default the settings decide.
    :ivar warnings: messages for the user, such as a cache that cannot be written.
    """

    def __init__(
        self,
        source: Source,
        network: FeatureNetwork,
        settings: RealSettings,
        held_out: RealFeatures | None = None,
        places: np.ndarray | None = None,
    ) -> None:
        if places is None:
            most = settings.most
            places = source.places() if most is None else choice(source.count, most)
        self.source, self.network, self.held_out, self.places = source, network, held_out, places
        self.settings, self._device, self._meter = settings, settings.device, settings.meter
        self._parts: dict[str, torch.Tensor] = {}
        self._references: dict[str, Tensors] = {}
        self._absent: frozenset[str] = frozenset()
        self._folder = settings.cache / "references" / self.key
        self.warnings: list[str] = []

    @functools.cached_property
    def key(self) -> str:
        """A hash of everything that decides the feature set."""
        chosen = hashlib.sha256(np.ascontiguousarray(self.places).tobytes()).hexdigest()
        content = self.source.content()
        channels = self.settings.channels
        parts = [_RECIPE, content, self.network.identity, chosen, channels, POOL, SEED]
        return json_digest([*parts, *self._computed_on()])

    def _computed_on(self) -> list[str]:
        """Features of a GPU differ from those of the CPU in their last bits."""
        if self._device.type == "cpu":
            return []
        return [self._device.type, self.network.arithmetic]

    @property
    def count(self) -> int:
        """Samples behind the moments."""
        return self.samples.count

    @functools.cached_property
    def remark(self) -> str:
        """The remark on samples without content, or empty."""
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
        modes = self.settings.modes
        if modes is not None:
            parts["modes"] = lambda: modes
        if self.held_out is not None:
            side = self.held_out
            parts["held_out"] = lambda: side.samples.features
        return FeatureSet(count, size, self.network, self._device, parts, MISSING)

    def reference(self, metric: ResolvedComponent) -> Tensors:
        """A metric's reference.

        :raises NotThereError: if it needs a missing part.
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

    def floor(self, metric: ResolvedComponent, samples: int) -> Mapping[str, float]:
        """The metric of ``samples`` real samples against all others: its lower bound.

        Empty with fewer than twice as many single features. The cache keeps it.
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

    def _name_of(self, metric: ResolvedComponent) -> str:
        """A hash of everything that decides a metric's reference, beside the key of the samples."""
        name = metric_digest(metric)
        if self.held_out is None or "held_out" not in metric.component.needs:
            return name
        return hashlib.sha256(f"{name} {self.held_out.key}".encode()).hexdigest()[:32]

    def forget(self) -> None:
        """Drop the parts in memory, because a metric has changed them."""
        self._parts.clear()
        self._references.clear()
        self.__dict__.pop("samples", None)

    def _made(self, metric: ResolvedComponent) -> Tensors:
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
        batches = self.source.batches(pool, self.settings.channels, self.network.batch_size)
        return torch.cat([batch.images.cpu() for batch in batches])

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
        """Whether an earlier pass did not find this part."""
        if name in _ROWS and "mean" not in self._parts:
            self._parts |= self._load_part("moments") or {}
        return name in self._absent

    def _load_part(self, group: str) -> dict[str, torch.Tensor] | None:
        loaded = load_tensors(self._folder / f"{group}.safetensors", self._device)
        if loaded is None:
            return None
        tensors, metadata = loaded
        if group == "moments":
            self._remark = metadata.get("remark", "")
            self._absent = frozenset(metadata.get("absent", "").split())
            self._meter.say(f"using the features of {self.source.label} from an earlier run")
        return tensors

    def _pass(self, group: str) -> dict[str, torch.Tensor]:
        """Run the samples through the network, and keep the parts that metrics may read later."""
        self._meter.begin(f"real: {self.source.label}", len(self.places))
        keep = (self.settings.keep | {group}) - {"images"}
        passed = run_pass(
            self.source,
            self.places,
            self.settings.channels,
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
        whole = passed.count == len(self.places)  # a broken file must not be left out forever
        parts: dict[str, torch.Tensor] = {}
        for name, tensors in groups.items():
            parts |= self._kept(tensors)
            if whole:
                metadata = {"remark": passed.remark, "absent": " ".join(sorted(self._absent))}
                self._save(self._folder / f"{name}.safetensors", tensors, metadata)
        return parts

    def _kept(self, tensors: Tensors) -> dict[str, torch.Tensor]:
        """The tensors as they are read back later, because strides change the last bits of products."""
        return {name: self._as_loaded(tensor) for name, tensor in tensors.items()}

    def _as_loaded(self, tensor: torch.Tensor) -> torch.Tensor:
        if self._own(tensor) is not None:
            return tensor
        return tensor.detach().to(self._device).contiguous().clone()

    def _own(self, tensor: torch.Tensor) -> str | None:
        """The name of the part that equals a tensor."""
        return next((name for name in _ROWS if self._parts.get(name) is tensor), None)

    def _unlinked(self, tensors: Tensors) -> tuple[Tensors, dict[str, str]]:
        """The tensors of a reference to store, and links to those that equal parts."""
        links = {key: name for key, t in tensors.items() if (name := self._own(t)) is not None}
        own = {key: tensor for key, tensor in tensors.items() if key not in links}
        return own, {"links": json.dumps(links)}

    def _load_reference(self, path: Path) -> Tensors | None:
        loaded = load_tensors(path, self._device)
        if loaded is None:
            return None
        tensors, metadata = loaded
        try:
            links = dict(json.loads(metadata["links"]))
            return tensors | {key: self._part(name) for key, name in links.items()}
        except (KeyError, TypeError, ValueError):
            return None

    def _save(self, path: Path, tensors: Tensors, metadata: dict[str, str]) -> None:
        """A full disk does not stop this run; the next one computes the features again."""
        try:
            _make_parents(path)
            save_tensors(path, tensors, metadata)
        except (StorageError, SafetensorError) as error:
            number = getattr(error, "errno", None)
            reason = os.strerror(number) if number else error
            sentence = f"cannot cache the features of {self.source.label}: {reason}"
            if sentence not in self.warnings:
                self.warnings.append(sentence)


def _read_numbers(path: Path) -> dict[str, float] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): math.nan if v is None else float(v) for name, v in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _write_numbers(path: Path, numbers: Mapping[str, float]) -> None:
    ready = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
    with contextlib.suppress(StorageError):  # the next run computes it again
        _make_parents(path)
        write_atomically(path, json.dumps(ready))


def _make_parents(path: Path) -> None:
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
