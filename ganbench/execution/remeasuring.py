"""Measuring a finished trial again from its weights, without training."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ganbench import __version__
from ganbench.errors import UsageError
from ganbench.evaluation.features import NotFiniteError
from ganbench.evaluation.real_side import metric_digest
from ganbench.execution.generated import SampledSource
from ganbench.execution.resources import EvaluationPlan, Resources
from ganbench.execution.streams import FRESH_NOISE, NOISE
from ganbench.execution.trained import Trained, component_of, load_trained
from ganbench.grid.cell import PROTOCOL
from ganbench.grid.metrics import bind_metrics, columns_of, options_of, with_options
from ganbench.grid.settings import settle_evaluation, settle_training
from ganbench.registry.lookup import Bound, default_registry
from ganbench.results.curve_columns import derived_columns
from ganbench.results.measurements import FORMAT, with_marks
from ganbench.results.store import TrialFolder
from ganbench.training.precision import Arithmetic, configure_backends, memory_format
from ganbench.training.sampler import LatentSampler, Sampler, TranslationSampler

#: Which of a trial's weights are measured.
WHICH = ("last", "best")


@dataclass(frozen=True)
class Request:
    """What a person wants measured.

    :ivar metrics: specs; those of the trial where there are none.
    :ivar extractors: likewise.
    :ivar samples: of the generator; as many as in the trial where there is no number.
    :ivar which: ``last`` weights, or those of the ``best`` tick.
    """

    metrics: Sequence[str] = ()
    extractors: Sequence[str] = ()
    samples: int | None = None
    which: str = "last"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Remeasuring:
    """A request, settled for one trial.

    :ivar plan: what is measured how.
    :ivar identity: all that decides the numbers beside the trial itself.
    :ivar marks: in the names of the columns of the first extractor, behind an ``@``.
    :ivar options: column -> marks of the options in which its metric is not the trial's own.
    """

    folder: TrialFolder
    plan: EvaluationPlan
    which: str
    identity: Mapping[str, Any]
    marks: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, folder: TrialFolder, request: Request, root: Path) -> Remeasuring:
        """What a request means for a trial.

        :raises UsageError: for a trial that cannot be measured, or a request that has no meaning.
        """
        known = folder.read_identity()
        if known is None:
            raise UsageError(f"trial {folder.id} has no readable trial.json")
        registry, then = default_registry(), dict(known["evaluation"])
        own_extractor = str(then.pop("extractor"))
        own = [str(spec) for spec in then.pop("extractors", ()) or [own_extractor]]
        if request.metrics:
            then = {k: v for k, v in then.items() if k not in ("metrics", "primary")}
            options = {k: v for k, v in then.items() if k in _options(request.metrics)}
            metrics = with_options(list(request.metrics), options)
            then = {k: v for k, v in then.items() if k in _SETTINGS}
            settings = settle_evaluation({**then, "metrics": list(metrics)})
        else:
            settings = settle_evaluation(then)
        if request.samples is not None:
            settings = replace(settings, samples=request.samples)
        extractors = [registry.bind("extractor", s) for s in request.extractors or own]
        dataset = component_of("dataset", known, folder)
        plan = EvaluationPlan(
            dataset,
            dataset.component.spec(root),
            tuple(extractors),
            bind_metrics(settings.metrics, registry),
            settings,
        )
        identity = {
            "protocol": PROTOCOL,
            "which": request.which,
            "samples": settings.samples,
            "reference_samples": settings.reference_samples,
            "reference_split": settings.reference_split,
            "fingerprint": dataset.component.fingerprint(root),
            "extractors": [bound.identity() for bound in extractors],
            "metrics": [
                m.identity() | {"recipe": m.component.recipe, "source": m.info.source}
                for m in plan.metrics
            ],
            "options": options_of(plan.metrics),
        }
        marks = [] if extractors[0].spec == own[0] else [extractors[0].mark]
        marks += [] if settings.samples == then.get("samples") else [str(settings.samples)]
        marks += [] if request.which == "last" else [request.which]
        if not marks and known.get("protocol") != PROTOCOL:  # the row's numbers mean something else
            marks = [f"protocol-{PROTOCOL}"]
        options = dict(_other_options(plan.metrics, known["evaluation"]))
        return cls(folder, plan, request.which, identity, tuple(marks), options)

    @property
    def name(self) -> str:
        """Of the measurement's file."""
        text = json.dumps(self.identity, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def column(self, name: str) -> str:
        """What a column is called in the run: what differs from the trial's own is in its name."""
        return with_marks(name, self.marks, self.options.get(name.partition("@")[0], ()))

    def run(self, resources: Resources) -> dict[str, Any]:
        """Measure, and give the content of the measurement's file.

        :raises UsageError: for weights, data or metrics that are not to be had.
        """
        start = time.perf_counter()
        trained = load_trained(self.folder, self.which)
        evaluator = resources.evaluator(self.plan)
        sampler, pairs = _sampler(trained, self.plan, resources)
        # The best tick was chosen on one noise and is reported on another.
        stream = NOISE if self.which == "last" else FRESH_NOISE
        source = SampledSource(
            f"trial {self.folder.id}", sampler, evaluator.samples, stream, pairs=pairs
        )
        try:
            measured = evaluator.measurer.measure(source)
        except NotFiniteError as error:
            raise UsageError(str(error)) from None
        values = measured.there
        if not values:
            reasons = "; ".join(f"{name}: {one.reason}" for name, one in measured.found.items())
            raise UsageError(f"nothing can be measured: {reasons}")
        values |= evaluator.measurer.floors(measured) | evaluator.measurer.held_out(measured)
        return {
            "format": FORMAT,
            "trial": self.folder.id,
            "identity": dict(self.identity),
            "extractor": evaluator.extractor,
            "measured_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds"),
            "seconds": round(time.perf_counter() - start, 3),
            "doubt": trained.doubt,
            "ganbench_version": __version__,
            "torch_version": str(torch.__version__),
            "values": {
                self.column(name): value if math.isfinite(value) else None
                for name, value in values.items()
            },
            "ways": {
                self.column(column.name): self._way(reading.metric)
                for reading in evaluator.measurer.readings
                for column in reading.columns
            },
        }

    def _way(self, metric: Bound) -> str:
        """A hash of what decides a metric's numbers beside the data and the generator."""
        settings = [PROTOCOL, *(getattr(self.plan.evaluation, name) for name in _DECIDING)]
        text = json.dumps([metric_digest(metric), *settings])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


_DECIDING = ("samples", "reference_samples", "reference_split")
_SETTINGS = ("ticks", "samples", "reference_samples", "reference_split")


def _options(metrics: Iterable[str]) -> set[str]:
    """The names of all options of metrics, as settings are called."""
    bounds = [default_registry().bind("metric", spec) for spec in metrics]
    return set(options_of(bounds))


def _other_options(
    metrics: Iterable[Bound], own: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Column -> options of its metric that are not the trial's; the defaults where it had no such."""
    for metric in metrics:
        name = metric.info.name
        usual = options_of([default_registry().bind("metric", name)])
        marks = tuple(
            f"{key.removeprefix(name.replace('-', '_') + '_')}={value}"
            for key, value in options_of([metric]).items()
            if value != own.get(key, usual[key])
        )
        for column in columns_of(metric):
            for one in (column, *derived_columns(column)):
                yield one.name, marks


def _sampler(
    trained: Trained, plan: EvaluationPlan, resources: Resources
) -> tuple[Sampler, torch.Tensor | None]:
    """Samples as the trial's own evaluation drew them, with the right images of translations."""
    training = settle_training([("trial", trained.identity["training"])]).settings
    device = resources.device
    configure_backends(training.precision)
    generator = trained.generator.to(device)
    if plan.data.kind == "image":
        generator = generator.to(memory_format=memory_format(training, device))  # type: ignore[call-overload]
    parts = (
        trained.architecture,
        trained.data,
        generator,
        int(trained.identity["seed"]),
        device,
        Arithmetic(training, device),
        trained.progress,
    )
    data = resources.training_data(plan)
    if trained.translates:
        held_out = data.held_out
        if held_out is None or held_out.sources is None:
            raise UsageError(
                f"the data of trial {trained.trial} has no images to translate any more"
            )
        return TranslationSampler(*parts, held_out.sources), (
            held_out.images if held_out.paired else None
        )
    labels = data.labels if trained.architecture.task == "class-conditional" else None
    return LatentSampler(*parts, None if labels is None else labels.to(device)), None
